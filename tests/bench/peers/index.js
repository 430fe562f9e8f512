// Express 4 with ussd-menu-builder, and sessions in Redis: the home menu, the settings and help, and the ways back.
"use strict";

const express = require("express");
const redis = require("redis");
const UssdMenu = require("ussd-menu-builder");

const KEPT_S = 600;
const client = redis.createClient({ url: process.env.REDIS_URL });

const sessions = {
  start: async (id) => {
    const key = `session:${id}`;
    if (await client.hSetNX(key, "begun", "1")) await client.expire(key, KEPT_S);
  },
  get: (id, name) => client.hGet(`session:${id}`, name),
  set: (id, name, value) => client.hSet(`session:${id}`, name, value),
  end: (id) => client.del(`session:${id}`),
};

// A menu for each request: the library keeps the request in the menu, so requests that share one get wrong answers.
function menuOfRequest() {
  const menu = new UssdMenu();
  menu.sessionConfig(sessions);
  const home = async () => {
    const name = await client.get(`name:${menu.args.phoneNumber}`);
    await menu.session.set("state", "home");
    menu.con(`Soko: ${name}\n1. Sell something\n2. My products\n3. Orders\n4. My money\n5. Settings\n6. Help`);
  };
  const toHome = { 5: "settings", 6: "help" };
  menu.startState({ run: home, next: toHome });
  menu.state("home", { run: home, next: toHome });
  menu.state("settings", {
    run: async () => {
      await menu.session.set("state", "settings");
      menu.con("Settings\n1. Language\n2. My name\n3. My kiosk\n4. How I am paid\n5. Leave Soko\n0. Back\n00. Home");
    },
    next: { 0: "home" },
  });
  menu.state("help", {
    run: async () => {
      await menu.session.set("state", "help");
      menu.con(
        "Soko. To sell, dial *384*22# or text SELL, ORDERS or MONEY to 22384. " +
          "Bought something? Text TRACK. To talk to us, text CALL.\n0. Back\n00. Home",
      );
    },
    next: { 0: "home" },
  });
  return menu;
}

const app = express();
app.use(express.urlencoded({ extended: false }));
app.post("/ussd", (request, response) => {
  menuOfRequest().run(request.body, (screen) => response.type("text/plain").send(screen));
});

client.connect().then(() => app.listen(Number(process.env.PORT), "127.0.0.1"));
