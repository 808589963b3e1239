"""Work items for staff at the clinic: resolving and answering them, and opening them where they
arise.
"""
