"""`--few`: of each test function the first of its cases only, for `bin/test quick`."""

import pytest


class FewCases:
    """The plugin of such a run."""

    # after -k and -m: of the cases that were asked for, the first
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        begun: set[str] = set()
        kept: list[pytest.Item] = []
        left_out: list[pytest.Item] = []
        for item in items:
            function = item.nodeid.partition("[")[0]
            (left_out if function in begun else kept).append(item)
            begun.add(function)
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = kept
