"""Deployments that were live before the one that was taken down were taken down with it.

Earlier releases left them `live`. Running it again does no harm. A frozen copy.
"""


def up(migrator, db):
    db.execute_sql(
        "UPDATE deployment SET status = 'taken_down', goal = 'taken_down',"
        " message = 'The receptionist was taken down.' WHERE status = 'live' AND EXISTS"
        ' (SELECT 1 FROM deployment AS later WHERE later.account_id = deployment.account_id'
        " AND later.id > deployment.id AND later.status = 'taken_down')"
    )


def down(migrator, db):
    """They were taken down all the same."""
