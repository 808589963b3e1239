"""Products and prices, as far as line items need them."""

from sandbox.stripe.account import Account, merged
from sandbox.stripe.amounts import check_amount, currency_code
from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.lists import newest_first, page
from sandbox.stripe.shapes import shaped

MOST_LINES = 20


def create_product(account: Account, params: Json) -> Json:
    """``POST /v1/products``."""
    made = account.new(
        "product", name=params["name"], description=params.get("description"), updated=account.now()
    )
    made["metadata"] = merged({}, params.get("metadata"))
    return made


def create_price(account: Account, params: Json) -> Json:
    """``POST /v1/prices``, or an inline ``price_data``: one-time prices with a unit amount only."""
    currency = currency_code(params["currency"])
    product = params.get("product")
    if product:
        account.get("product", product, "product")
    else:
        product = create_product(account, params.get("product_data") or {"name": "Product"})["id"]
    if "unit_amount" not in params:
        raise invalid(
            "The stand-in needs unit_amount.", param="unit_amount", code="parameter_missing"
        )
    amount = params["unit_amount"]
    made = account.new(
        "price",
        currency=currency,
        product=product,
        unit_amount=amount,
        unit_amount_decimal=str(amount),
    )
    made["metadata"] = merged({}, params.get("metadata"))
    return made


def line_items(account: Account, asked: list[Json]) -> list[Json]:
    """Price the requested lines."""
    if not 1 <= len(asked) <= MOST_LINES:
        raise invalid("Give between 1 and 20 line items.", param="line_items")
    items = [_line_item(account, line, index) for index, line in enumerate(asked)]
    if len({item["currency"] for item in items}) > 1:
        raise invalid("All line items must share one currency.", param="line_items")
    check_amount(total(items), items[0]["currency"], "line_items[0][price_data][unit_amount]")
    return items


def _line_item(account: Account, line: Json, index: int) -> Json:
    """Price one line."""
    if line.get("price"):
        price = account.get("price", line["price"], f"line_items[{index}][price]")
    elif line.get("price_data"):
        price = create_price(account, line["price_data"])
    else:
        raise invalid(
            "A line item needs price or price_data.",
            param=f"line_items[{index}]",
            code="parameter_missing",
        )
    quantity = line.get("quantity", 1)
    amount = price["unit_amount"] * quantity
    product = account.get("product", price["product"])
    return shaped(
        "item",
        id=account.shared.ids.new("li"),
        amount_subtotal=amount,
        amount_total=amount,
        currency=price["currency"],
        description=product["name"],
        price=price,
        quantity=quantity,
    )


def total(items: list[Json]) -> int:
    """Add up the lines."""
    return sum(item["amount_total"] for item in items)


def retrieve_price(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/prices/{id}``."""
    return account.get("price", id)


def retrieve_product(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/products/{id}``."""
    return account.get("product", id)


def index_prices(account: Account, params: Json) -> Json:
    """``GET /v1/prices``."""
    return page("/v1/prices", newest_first(account, "price", params), params)


def index_products(account: Account, params: Json) -> Json:
    """``GET /v1/products``."""
    return page("/v1/products", newest_first(account, "product", params), params)
