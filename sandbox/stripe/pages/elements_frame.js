/* Inside the frame: sends the card to the stand-in, and passes only the outcome to the page around
   it. */
(() => {
  "use strict";
  const page = new URLSearchParams(location.search).get("parent");
  const field = (name) => document.getElementById(name);
  const digits = (name) => field(name).value.replace(/\D/g, "");
  let defaults = {};

  const tell = (message) =>
    window.parent.postMessage(
      {
        ...message,
        height: Math.ceil(document.documentElement.getBoundingClientRect().height) + 4,
      },
      page,
    );

  function luhn(number) {
    let sum = 0;
    [...number].reverse().forEach((digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      sum += value > 9 ? value - 9 : value;
    });
    return number.length > 0 && sum % 10 === 0;
  }

  function problems() {
    const [number, expiry, cvc] = ["number", "expiry", "cvc"].map(digits);
    const found = [];
    if (number.length < 13)
      found.push(["number", "incomplete_number", "Your card number is incomplete."]);
    else if (!luhn(number))
      found.push(["number", "invalid_number", "Your card number is invalid."]);
    const [month, year] = [Number(expiry.slice(0, 2)), 2000 + Number(expiry.slice(2))];
    if (expiry.length < 4)
      found.push(["expiry", "incomplete_expiry", "Your card's expiration date is incomplete."]);
    else if (month < 1 || month > 12 || new Date(year, month, 1) <= new Date())
      found.push([
        "expiry",
        "invalid_expiry_year_past",
        "Your card's expiration date is in the past.",
      ]);
    if (cvc.length < 3)
      found.push(["cvc", "incomplete_cvc", "Your card's security code is incomplete."]);
    if (!field("postal").value.trim())
      found.push(["postal", "incomplete_zip", "Your postal code is incomplete."]);
    return found;
  }

  function show(found) {
    for (const name of ["number", "expiry", "cvc", "postal"]) {
      const wrong = found.find(([which]) => which === name);
      field(`${name}-error`).textContent = wrong ? wrong[2] : "";
      field(name).setAttribute("aria-invalid", String(Boolean(wrong)));
    }
  }

  function submit() {
    const found = problems();
    show(found);
    if (!found.length) return {};
    field(found[0][0]).focus();
    return { error: { type: "validation_error", code: found[0][1], message: found[0][2] } };
  }

  function flat(value, name, into) {
    if (value !== null && typeof value === "object")
      Object.entries(value).forEach(([key, inner]) =>
        flat(inner, name ? `${name}[${key}]` : key, into),
      );
    else if (value !== undefined && value !== null && value !== "") into.append(name, value);
    return into;
  }

  async function create({ key, account, params }) {
    const expiry = digits("expiry");
    const billing = params.billing_details || {};
    const given = {
      ...(defaults.billingDetails || {}).address,
      ...billing.address,
      country: field("country").value,
      postal_code: field("postal").value.trim(),
    };
    const card = {
      number: digits("number"),
      cvc: digits("cvc"),
      exp_month: Number(expiry.slice(0, 2)),
      exp_year: 2000 + Number(expiry.slice(2)),
    };
    const body = flat(
      { type: "card", card, ...params, billing_details: { ...billing, address: given } },
      "",
      new URLSearchParams(),
    );
    const headers = {
      Authorization: `Bearer ${key}`,
      ...(account ? { "Stripe-Account": account } : {}),
    };
    try {
      const answer = await fetch("/v1/payment_methods", { method: "POST", headers, body });
      const document = await answer.json();
      return answer.ok ? { paymentMethod: document } : { error: document.error };
    } catch {
      return {
        error: {
          type: "api_connection_error",
          message:
            "We are experiencing issues connecting to our payments provider. Please try again.",
        },
      };
    }
  }

  function start(message) {
    defaults = message.defaults;
    document.documentElement.classList.toggle("night", message.theme === "night");
    const address = (defaults.billingDetails || {}).address || {};
    field("postal").value = address.postal_code || "";
    if ([...field("country").options].some(({ value }) => value === address.country))
      field("country").value = address.country;
    tell({ kind: "ready" });
  }

  window.addEventListener("message", async (event) => {
    if (event.origin !== page || event.source !== window.parent) return;
    const message = event.data;
    if (message.kind === "start") start(message);
    if (message.kind === "ask")
      tell({
        kind: "answer",
        id: message.id,
        answer: message.what === "submit" ? submit() : await create(message),
      });
  });

  field("number").addEventListener("input", ({ target }) => {
    target.value = digits("number").replace(/(.{4})(?=.)/g, "$1 ");
  });
  field("expiry").addEventListener("input", ({ target }) => {
    const typed = digits("expiry").slice(0, 4);
    target.value = typed.length > 2 ? `${typed.slice(0, 2)} / ${typed.slice(2)}` : typed;
  });
  field("card").addEventListener("input", () =>
    tell({ kind: "change", complete: problems().length === 0 }),
  );
  field("card").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("resize", () => tell({ kind: "resize" }));
  tell({ kind: "loaded" });
})();
