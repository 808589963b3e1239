"""The fixture of tests about the overdue scan: a clinic whose ladder runs automatically, a customer
who has agreed, and the clock.
"""

from datetime import date, timedelta

from actions.payments.recompute import recompute
from jobs.scan_overdue import scan_overdue
from models.accounts.account_settings import AccountSettings
from models.contact.contact_course import ContactCourse
from models.invoices.invoice import Invoice
from models.transactions import transaction
from rules.contact.hours import next_opening
from rules.contact.person_time_zones import zones_of_number
from runtime.clock import business_now, move_business_time, real_now
from tests import given
from tests.stories.texting import Texting


class Scanning:
    """A clinic whose ladder runs automatically, and the clock."""

    def __init__(self, texting: Texting) -> None:
        self.texting = texting.consents(channels=("sms", "voice"))
        self.account, self.customer = texting.account, texting.customer
        # the clinic is in the customer's time zone, so that no test runs near its midnight
        self.account.time_zone = zones_of_number(texting.phone)[0]
        self.account.save()
        self.settings(first_contacts="automatic")
        Invoice.delete().execute()

    def settings(self, **choices):
        AccountSettings.change(self.account, choices, real_now())

    @property
    def today(self) -> date:
        return self.account.local_date(business_now())

    def owes(self, days=0, customer=None, **values) -> Invoice:
        """Create an invoice that has been overdue for so many days, as `recompute` leaves it."""
        invoice = given.an_invoice(
            self.account,
            customer=customer or self.customer,
            due_date=self.today - timedelta(days=days),
            **values,
        )
        with transaction():
            recompute(Invoice.locked(invoice.id))
        return given.fresh(invoice)

    def days_pass(self, days: int) -> None:
        """Move business time on by so many days, to daytime at the customer."""
        wanted = business_now() + timedelta(days=days)
        opening = next_opening(zones_of_number(self.texting.phone), wanted)
        move_business_time(opening - real_now() + timedelta(seconds=1))

    def scan(self) -> None:
        scan_overdue.perform()

    def sends(self) -> list[str]:
        """Perform everything due, and return all texts so far."""
        self.texting.work()
        self.texting.deliver()
        return [row["body"] for row in self.texting.sent()]

    def course(self, customer=None) -> ContactCourse:
        return ContactCourse.get_by_id((customer or self.customer).id)

    def change(self, **body):
        """Change the clinic's settings through the API."""
        path = f"/api/accounts/{self.account.id}/settings"
        answer = self.texting.client.simulate_patch(path, json=body, headers=self.texting.headers)
        assert answer.status_code == 200, answer.text
        return answer.json
