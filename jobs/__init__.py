"""Background jobs. Importing this package registers every one."""

from jobs.ask_stripe_again import ask_stripe_again
from jobs.backfill_stripe_events import backfill_stripe_events
from jobs.cancel_payment_intent import cancel_payment_intent
from jobs.change_payment_intent import change_payment_intent
from jobs.check_forwarding import check_forwarding
from jobs.check_lines import check_line, check_lines, check_more_lines
from jobs.confirm_payment import confirm_payment
from jobs.create_payment_link import create_payment_link
from jobs.decide_promises import decide_promises
from jobs.delete_expired_rows import delete_expired_rows
from jobs.delete_knowledge_file import delete_knowledge_file
from jobs.deliver_webhook import deliver_webhook
from jobs.deploy_account import deploy_account
from jobs.dial_overdue import dial_overdue
from jobs.end_late_call import end_late_call
from jobs.end_stuck_deployments import end_more_stuck_deployments, end_stuck_deployments
from jobs.enter_card import enter_card
from jobs.expire_stale_charges import expire_stale_charges
from jobs.find_missed_calls import find_missed_calls, read_missed_calls
from jobs.find_strays import find_strays, find_strays_at
from jobs.find_unseen_debtors import find_unseen_debtors
from jobs.fold_totals import fold_totals
from jobs.follow_knowledge_file import follow_knowledge_file
from jobs.look_up_number import look_up_number
from jobs.mark_overdue import mark_overdue
from jobs.open_payment_intent import open_payment_intent
from jobs.open_setup_intent import open_setup_intent
from jobs.order_card_entry import order_card_entry
from jobs.poll_calls import poll_call, poll_calls
from jobs.poll_inbound_texts import poll_inbound_texts, read_inbound_texts
from jobs.poll_ports import poll_ports
from jobs.poll_text_statuses import poll_text_status, poll_text_statuses
from jobs.process_stripe_event import process_stripe_event
from jobs.purchase_number import purchase_number
from jobs.read_sender_registrations import read_sender_registration, read_sender_registrations
from jobs.read_stripe_events import read_stripe_events
from jobs.reconcile_call import reconcile_call
from jobs.reconcile_effects import reconcile_effects
from jobs.reconcile_stripe import reconcile_stripe
from jobs.reconcile_stripe_page import reconcile_stripe_page
from jobs.reconcile_text import reconcile_text
from jobs.refresh_expired_cards import refresh_expired_cards
from jobs.refresh_integrations import refresh_integration, refresh_integrations
from jobs.refresh_saved_card import refresh_saved_card
from jobs.refund_payment import refund_payment
from jobs.release_deliveries import release_deliveries
from jobs.release_number import release_number
from jobs.release_stray import release_stray
from jobs.retire_payment_link import retire_payment_link
from jobs.revoke_integration import revoke_integration
from jobs.scan_overdue import scan_overdue
from jobs.send_payment_link import send_payment_link
from jobs.test_forwarding import test_forwarding
from jobs.tidy_receptionist import tidy_receptionist
from jobs.undo_deployment_step import undo_deployment_step
from jobs.upload_knowledge_file import upload_knowledge_file

__all__ = [
    "ask_stripe_again",
    "backfill_stripe_events",
    "cancel_payment_intent",
    "change_payment_intent",
    "check_forwarding",
    "check_line",
    "check_lines",
    "check_more_lines",
    "confirm_payment",
    "create_payment_link",
    "decide_promises",
    "delete_expired_rows",
    "delete_knowledge_file",
    "deliver_webhook",
    "deploy_account",
    "dial_overdue",
    "end_late_call",
    "end_more_stuck_deployments",
    "end_stuck_deployments",
    "enter_card",
    "expire_stale_charges",
    "find_missed_calls",
    "find_strays",
    "find_strays_at",
    "find_unseen_debtors",
    "fold_totals",
    "follow_knowledge_file",
    "look_up_number",
    "mark_overdue",
    "open_payment_intent",
    "open_setup_intent",
    "order_card_entry",
    "poll_call",
    "poll_calls",
    "poll_inbound_texts",
    "poll_ports",
    "poll_text_status",
    "poll_text_statuses",
    "process_stripe_event",
    "purchase_number",
    "read_inbound_texts",
    "read_missed_calls",
    "read_sender_registration",
    "read_sender_registrations",
    "read_stripe_events",
    "reconcile_call",
    "reconcile_effects",
    "reconcile_stripe",
    "reconcile_stripe_page",
    "reconcile_text",
    "refresh_expired_cards",
    "refresh_integration",
    "refresh_integrations",
    "refresh_saved_card",
    "refund_payment",
    "release_deliveries",
    "release_number",
    "release_stray",
    "retire_payment_link",
    "revoke_integration",
    "scan_overdue",
    "send_payment_link",
    "test_forwarding",
    "tidy_receptionist",
    "undo_deployment_step",
    "upload_knowledge_file",
]
