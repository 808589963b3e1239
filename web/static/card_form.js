// The card form. The card's number lives in Stripe's frame; this script only ever holds the id of a
// payment method.
(() => {
  "use strict";
  const form = document.getElementById("charge");
  const config = JSON.parse(form.dataset.config);
  const part = (id) => document.getElementById(id);
  const [amount, email, button, problem, status, hint] =
    ["amount", "email", "submit", "problem", "status", "amount-hint"].map(part);
  const HINT = hint.textContent;
  const FINAL = [
    "invoice_already_paid",
    "invoice_not_payable",
    "card_form_expired",
    "staff_form_off",
    "not_found",
  ];
  // After these codes, any server error, and what only a gateway answers, nobody knows whether the
  // card was charged: the same payment method is sent again, and is charged once.
  const AGAIN = ["conflict", "rate_limited"];
  const TRIES = 5, PAUSE = 1500, PATIENCE = 120_000; // milliseconds
  let ready = false, busy = false, over = false;

  const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
  const words = (minor) =>
    new Intl.NumberFormat("en-US", {
      style: "currency",
      currency: config.currency,
      minimumFractionDigits: config.digits,
      maximumFractionDigits: config.digits,
    }).format(minor / 10 ** config.digits);

  // The typed amount, such as 125, 125.5 or 1,250.00, in minor units; null unless it is an amount
  // of at most what is owed.
  function typedAmount() {
    const plain = amount.value
      .trim()
      .replace(/^[^\d.]{0,4}/, "")
      .replace(/,(?=\d{3}(?:\D|$))/g, "");
    const match = /^(\d{1,12})(?:\.(\d+))?$/.exec(plain);
    const cents = (match && match[2]) || "";
    if (!match || cents.length > config.digits) return null;
    const minor = Number(match[1] + cents.padEnd(config.digits, "0"));
    return minor > 0 && minor <= config.outstanding ? minor : null;
  }

  function complain(field, text) {
    part(`${field.id}-error`).textContent = text;
    field.setAttribute("aria-invalid", String(Boolean(text)));
    return Boolean(text);
  }

  function checkFields() {
    const wrongAmount = complain(
      amount,
      typedAmount() === null
        ? `Enter an amount up to ${words(config.outstanding)}, ` +
            `such as ${words(config.outstanding).replace(/[^\d.,]/g, "")}.`
        : "",
    );
    const address = email.value.trim();
    const wrongEmail = complain(
      email,
      address && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(address)
        ? "This is not an e-mail address. Correct it, or leave it empty."
        : "",
    );
    if (wrongAmount || wrongEmail) (wrongAmount ? amount : email).focus();
    return !wrongAmount && !wrongEmail;
  }

  function label() {
    const minor = typedAmount();
    button.textContent = minor === null ? "Charge" : `Charge ${words(minor)}`;
    button.disabled = !ready || busy;
    const left = minor === null ? 0 : config.outstanding - minor;
    hint.textContent =
      0 < left && left < config.least
        ? `${words(left)} would be left, which is too little to be paid by card.`
        : HINT;
  }

  function say(title, text, level = "h2") {
    // do not announce the same title twice to screen readers
    if (status.firstChild?.textContent === title) return;
    const heading = document.createElement(level), line = document.createElement("p");
    heading.textContent = title;
    line.textContent = text;
    status.replaceChildren(heading, line);
  }

  // Replace the form with a final message.
  function finish(title, text, done = false) {
    over = true;
    [form, ...["safe", "owed", "owed-words"].map(part)].forEach((gone) => gone.remove());
    status.classList.toggle("done", done);
    say(title, text, "h1");
    status.focus();
  }

  function tryAgain(text, focus = problem) {
    busy = false;
    status.replaceChildren();
    problem.textContent = text;
    label();
    focus?.focus();
  }

  // One request; null if no answer came, or one that does not tell the charge's outcome.
  async function ask(method, path, body) {
    try {
      const answer = await fetch(location.pathname + path, {
        method,
        body: body && JSON.stringify(body),
        headers: body ? { "Content-Type": "application/json" } : {},
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      const said = await answer.json();
      if (said.accepted) return { status: "processing", charge: said.location.split("/").pop() };
      const isOurs = said.charge || said.code;
      return answer.status >= 500 || !isOurs || AGAIN.includes(said.code) ? null : said;
    } catch {
      return null;
    }
  }

  // The same payment method is charged once, however often it is posted.
  async function charge(body) {
    for (let tried = 0; tried < TRIES; tried += 1) {
      if (tried) await wait(PAUSE * tried);
      const said = await ask("POST", "", body);
      if (said) return said;
      say(
        "Still trying to reach the server…",
        "Please keep this page open. The card is charged once at most.",
      );
    }
    return null;
  }

  async function follow(said) {
    const until = Date.now() + PATIENCE;
    let latest = said;
    while (latest.status === "processing" && Date.now() < until) {
      say(
        "The payment is being processed…",
        "Please keep this page open; the answer appears here.",
      );
      await wait(PAUSE);
      latest = (await ask("GET", `/charges/${said.charge}`)) || latest;
    }
    return latest;
  }

  function tell(said) {
    if (said === null)
      finish(
        "We could not find out what happened.",
        "Look at the invoice before you charge again: the payment may have gone through.",
      );
    else if (said.status === "succeeded")
      finish(
        `${said.amount} was paid.`,
        said.outstanding
          ? `${said.outstanding} is still owed on this invoice.`
          : "The invoice is paid. You may close this page.",
        true,
      );
    else if (said.status === "processing")
      finish(
        "The payment is still being processed.",
        "Do not charge again. The invoice shows the result as soon as Stripe tells it; " +
          "you may close this page.",
      );
    else if (FINAL.includes(said.code)) finish(said.title, said.detail);
    else
      tryAgain(said.advice || said.detail || "The card could not be charged. Nothing was charged.");
  }

  async function submit(stripe, elements) {
    // read before Stripe is called: later changes do not count
    const agreed = typedAmount(), receipt = email.value.trim();
    const { error: wrong } = await elements.submit();
    // the frame has already focused the invalid field
    if (wrong) return tryAgain(wrong.message, null);
    const known = Object.entries({ name: part("name").value.trim(), email: receipt }).filter(
      ([, value]) => value,
    );
    const { error, paymentMethod } = await stripe.createPaymentMethod({
      elements,
      params: { billing_details: Object.fromEntries(known) },
    });
    if (error) return tryAgain(error.message);
    const body = {
      paymentMethodId: paymentMethod.id,
      amount: agreed,
      ...(receipt ? { receiptEmail: receipt } : {}),
    };
    const said = await charge(body);
    return tell(said && said.status === "processing" ? await follow(said) : said);
  }

  function noFields() {
    part("loading")?.remove();
    problem.textContent =
      "Stripe’s card fields could not be loaded. Check the connection and load this page again, " +
      "or send the payment link.";
  }

  function begin() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const stripe = window.Stripe(
      config.publishableKey,
      config.stripeAccount ? { stripeAccount: config.stripeAccount } : {},
    );
    const elements = stripe.elements({
      mode: "payment",
      amount: config.outstanding,
      currency: config.currency,
      paymentMethodCreation: "manual",
      allowedPaymentMethodTypes: ["card"],
      appearance: { theme: dark ? "night" : "stripe" },
    });
    const { address } = config.billing;
    const fields = elements.create("payment", {
      wallets: { applePay: "never", googlePay: "never", link: "never" },
      defaultValues: {
        billingDetails: {
          address: Object.fromEntries(Object.entries(address).filter(([, value]) => value)),
        },
      },
    });
    fields.on("ready", () => {
      ready = true;
      part("loading")?.remove();
      label();
    });
    fields.on("loaderror", noFields);
    fields.mount("#card-fields");
    amount.addEventListener("input", () => {
      label();
      if (typedAmount() !== null) {
        complain(amount, "");
        elements.update({ amount: typedAmount() });
      }
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.textContent = "";
      if (!ready || busy || !checkFields()) return;
      busy = true;
      label();
      say("Charging…", "Please keep this page open.");
      try {
        await submit(stripe, elements);
      } catch {
        tryAgain("Stripe’s card fields did not answer. Nothing was charged. Load this page again.");
      }
    });
    setTimeout(() => {
      if (!busy && !over)
        finish("This form has expired.", "Open a new one for the invoice. Nothing was charged.");
    }, config.seconds * 1000);
  }

  try {
    begin();
  } catch { // Stripe.js is missing, or rejects our key or options
    noFields();
  }
})();
