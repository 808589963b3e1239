"""The peers that Payphone is compared with: the same jobs and intake with other libraries. They run
in their own environment, made from `requirements.lock`, and import nothing of ours.
"""
