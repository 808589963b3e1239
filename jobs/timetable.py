"""The complete timetable: which job is staged how often. Times are UTC, whatever the machine's
zone; rq-scheduler ticks it (`delivery/scheduler.py`).
"""

from delivery.schedule import Schedule, use_timetable

TIMETABLE = (
    Schedule("backfill-stripe-events", "backfill_stripe_events", every=3600),
    Schedule("follow-texts", "poll_text_statuses", every=600),
    Schedule("follow-calls", "poll_calls", every=120),
    Schedule("find-missed-texts", "poll_inbound_texts", every=180),
    Schedule("find-missed-calls", "find_missed_calls", every=300),
    Schedule("find-strays", "find_strays", every=86_400),
    Schedule("fold-totals", "fold_totals", every=60),
    Schedule("mark-overdue", "mark_overdue", every=300),
    Schedule("scan-overdue", "scan_overdue", every=300),
    Schedule("find-unseen-debtors", "find_unseen_debtors", every=3600),
    Schedule("check-lines", "check_lines", every=600),
    Schedule("poll-ports", "poll_ports", every=3600),
    Schedule("end-stuck-deployments", "end_stuck_deployments", every=300),
    Schedule("end-stale-charges", "expire_stale_charges", every=300),
    Schedule("refresh-integrations", "refresh_integrations", every=300),
    Schedule("look-at-expired-cards", "refresh_expired_cards", every=3600),
    Schedule("read-sender-registrations", "read_sender_registrations", every=86_400),
    Schedule("prune-jobs", "delete_expired_rows", every=3600),
    Schedule("decide-promises", "decide_promises", every=300),
    Schedule("reconcile-effects", "reconcile_effects", every=3600),
    Schedule("reconcile-stripe", "reconcile_stripe", every=3600),
)


def load_timetable() -> None:
    """Register the timetable in this process."""
    use_timetable(TIMETABLE)
