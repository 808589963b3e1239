"""Reads Twilio's list of messages and Vapi's list of calls in a separate process: `python -m
tests.storm.reading`.
"""

from jobs.find_missed_calls import find_missed_calls
from jobs.poll_inbound_texts import poll_inbound_texts
from models.transactions import use_database
from runtime.settings import get_settings

if __name__ == "__main__":
    use_database(get_settings().database_url)
    poll_inbound_texts.perform()
    find_missed_calls.perform()
