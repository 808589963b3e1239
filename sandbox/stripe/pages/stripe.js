/* The stand-in's Stripe.js, release "endive": enough for a page that collects a card and has its
   server charge it. Stricter than Stripe's own: an unknown option is an error, so that a misspelt
   one fails a test. */
(() => {
  "use strict";
  const home = new URL(document.currentScript.src).origin;
  const ELEMENTS = [
    "mode",
    "amount",
    "currency",
    "paymentMethodCreation",
    "allowedPaymentMethodTypes",
    "appearance",
    "locale",
    "loader",
    "fonts",
    "setupFutureUsage",
  ];
  const PAYMENT = ["layout", "defaultValues", "wallets", "fields", "terms", "business", "readOnly"];

  class IntegrationError extends Error {}

  function known(options, names, where) {
    for (const name of Object.keys(options)) {
      if (!names.includes(name))
        throw new IntegrationError(`${where}: ${name} is not a parameter of this release.`);
    }
  }

  class PaymentElement {
    constructor(options, elements) {
      known(options, PAYMENT, "elements.create('payment')");
      Object.assign(this, { options, elements, listeners: {}, waiting: new Map(), next: 0 });
      window.addEventListener("message", (event) => {
        if (event.origin === home && this.frame && event.source === this.frame.contentWindow)
          this.heard(event.data);
      });
    }

    on(name, listener) {
      (this.listeners[name] ||= []).push(listener);
      return this;
    }

    mount(target) {
      const place = typeof target === "string" ? document.querySelector(target) : target;
      if (!place) throw new IntegrationError("mount: there is no such place on the page.");
      this.frame = document.createElement("iframe");
      this.frame.title = "Secure payment input frame";
      this.frame.src = `${home}/elements/frame?parent=${encodeURIComponent(location.origin)}`;
      Object.assign(this.frame.style, {
        border: "0",
        width: "calc(100% + 8px)",
        margin: "-4px",
        height: "0",
        display: "block",
        colorScheme: "light dark",
      });
      place.replaceChildren(this.frame);
    }

    heard(message) {
      if (message.kind === "loaded") {
        const { defaultValues } = this.options;
        this.tell({
          kind: "start",
          defaults: defaultValues || {},
          theme: (this.elements.options.appearance || {}).theme,
        });
      }
      if (message.height) this.frame.style.height = `${message.height}px`;
      if (message.kind === "ready")
        (this.listeners.ready || []).forEach((listener) => listener({ elementType: "payment" }));
      if (message.kind === "change")
        (this.listeners.change || []).forEach((listener) =>
          listener({ elementType: "payment", complete: message.complete }),
        );
      if (message.kind === "answer") {
        this.waiting.get(message.id)?.(message.answer);
        this.waiting.delete(message.id);
      }
    }

    tell(message) {
      this.frame.contentWindow.postMessage(message, home);
    }

    ask(what, more) {
      return new Promise((resolve) => {
        const id = ++this.next;
        this.waiting.set(id, resolve);
        this.tell({ kind: "ask", id, what, ...more });
      });
    }
  }

  class Elements {
    constructor(options) {
      if ("paymentMethodTypes" in options)
        throw new IntegrationError(
          "paymentMethodTypes is no longer supported: use allowedPaymentMethodTypes.",
        );
      known(options, ELEMENTS, "stripe.elements()");
      if (
        options.mode !== "payment" ||
        !Number.isInteger(options.amount) ||
        options.amount <= 0 ||
        !/^[a-z]{3}$/.test(options.currency || "")
      ) {
        throw new IntegrationError(
          "stripe.elements(): mode 'payment' takes an amount in minor units and a currency " +
            "in lower case.",
        );
      }
      Object.assign(this, { options, submitted: false });
    }

    create(type, options = {}) {
      if (type !== "payment") throw new IntegrationError(`The stand-in has no ${type} element.`);
      this.element = new PaymentElement(options, this);
      return this.element;
    }

    update(options) {
      known(options, ELEMENTS, "elements.update()");
      Object.assign(this.options, options);
    }

    async submit() {
      const answer = await this.element.ask("submit");
      this.submitted = !answer.error;
      return answer.error ? answer : { selectedPaymentMethod: "card" };
    }
  }

  window.Stripe = (key, options = {}) => {
    if (!/^pk_test_/.test(key || ""))
      throw new IntegrationError(
        "Stripe() takes a publishable key; here one that begins with pk_test_.",
      );
    known(options, ["stripeAccount", "locale", "apiVersion"], "Stripe()");
    return {
      elements: (more) => new Elements(more),
      createPaymentMethod({ elements, params = {} }) {
        known(params, ["billing_details", "metadata"], "createPaymentMethod");
        if (elements.options.paymentMethodCreation !== "manual")
          throw new IntegrationError(
            "createPaymentMethod takes elements made with paymentMethodCreation: 'manual'.",
          );
        if (!elements.submitted)
          throw new IntegrationError("Call elements.submit() before createPaymentMethod.");
        return elements.element.ask("create", {
          key,
          account: options.stripeAccount || "",
          params: JSON.parse(JSON.stringify(params)),
        });
      },
    };
  };
  window.Stripe.version = "endive";
})();
