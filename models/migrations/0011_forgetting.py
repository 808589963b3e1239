"""What is forgotten in time, and what lists and waiting deliveries are found by.

Answers kept by idempotency key were readable: they are forgotten, while their keys go on keeping a request from being done twice.
A frozen copy: it does not follow the models when they change.
"""


def up(migrator, db):
    db.execute_sql('UPDATE idempotency_key SET answer = NULL')


def down(migrator, db):
    pass
