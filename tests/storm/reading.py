"""Does what the timetable does every hour: reads the lists of texts and calls, checks ports and
credentials, and deletes what is too old: `python -m tests.storm.reading`.
"""

from contextlib import suppress

from delivery.attempt import Snooze
from jobs.delete_expired_rows import delete_expired_rows
from jobs.find_missed_calls import find_missed_calls
from jobs.poll_inbound_texts import poll_inbound_texts
from jobs.poll_ports import poll_ports
from jobs.refresh_integrations import refresh_integrations
from models.transactions import use_database
from runtime.settings import get_settings

if __name__ == "__main__":
    use_database(get_settings().database_url)
    for job in (poll_inbound_texts, find_missed_calls, poll_ports, refresh_integrations):
        job.perform()
    with suppress(Snooze):  # there is more than one batch, of rows that nobody made old
        delete_expired_rows.perform()
