"""What Payphone is measured beside: the same jobs and intake with other libraries. They run in an
environment of their own, made from `requirements.lock`, and import nothing of ours.
"""
