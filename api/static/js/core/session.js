// The signed-in user, until this tab is closed. The token is never in a URL.

const KEY = "candlewick.session";
const watchers = new Set();
let current = read();

export function session() {
  if (current && current.until <= Date.now()) signOut();
  return current;
}

export function signIn({ access_token: token, expires_in: seconds, role }, name) {
  current = { token, role, name, until: Date.now() + seconds * 1000 };
  keep();
}

export function signOut() {
  current = null;
  keep();
}

export function onSession(watcher) {
  watchers.add(watcher);
}

function keep() {
  try {
    if (current) sessionStorage.setItem(KEY, JSON.stringify(current));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage a reload asks for the password again.
  }
  for (const watcher of watchers) watcher(current);
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}
