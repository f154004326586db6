// The provider, and a browser that goes back and forth between it and the server. Arguments: the provider's address, the
// server's, and the secret that they share.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [issuer, own, secret] = process.argv.slice(2);
const callback = `${own}/api/v1/session/oidc/demo/callback`;
const groups = { ann: ['staff', 'lww-agents'], eve: ['staff'], admin: ['lww-auditors'] };

const jwk = (type, options, alg) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg });
const rsa = jwk('rsa', { modulusLength: 2048 }, 'RS256');
const ec = jwk('ec', { namedCurve: 'P-256' }, 'ES256');
const ed = jwk('ed25519', {}, 'EdDSA');

const provider = (alg) => new Provider(issuer, {
  clients: [{
    client_id: 'lww', client_secret: secret, redirect_uris: [callback], id_token_signed_response_alg: alg,
    backchannel_logout_uri: `${own}/api/v1/session/oidc/demo/backchannel-logout`, backchannel_logout_session_required: true,
  }],
  features: { backchannelLogout: { enabled: true } },
  // The provider's own dispatcher refuses addresses of this machine, which are the only ones here.
  fetch: (address, { dispatcher: _, ...options }) => fetch(address, options),
  jwks: { keys: [rsa, ec, ed] },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ['only for this test'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: `subject of ${id}`, name: `姓名 ${id}`, preferred_username: id, groups: groups[id] }) }),
});

// The addresses of one origin share a jar, as in a browser.
class Browser {
  jars = new Map();

  async go(address, form) {
    const jar = this.jars.get(new URL(address).host) ?? new Map();
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form && new URLSearchParams(form);
    const answer = await fetch(address, { method: form ? 'POST' : 'GET', redirect: 'manual', headers: { cookie }, body });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      if (value === '') jar.delete(name); else jar.set(name, value);
    }
    this.jars.set(new URL(address).host, jar);
    return answer;
  }

  // Goes from the server to the provider and through its forms, to the address that it sends us back to.
  async through(user) {
    let answer = await this.go(`${own}/api/v1/session/oidc/demo`);
    assert.equal(answer.status, 303, await answer.clone().text());
    for (let hops = 0; hops < 20; hops += 1) {
      const at = new URL(answer.headers.get('location'), issuer).href;
      if (at.startsWith(callback)) return at;
      answer = await this.go(at);
      if (answer.status === 200) {
        const text = await answer.text();
        const prompt = /name="prompt" value="(\w+)"/.exec(text)[1];
        answer = await this.go(at, prompt === 'login' ? { prompt, login: user, password: 'x' } : { prompt });
      }
    }
    throw new Error('the provider leads nowhere');
  }

  async login(user) {
    const answer = await this.go(await this.through(user));
    const text = await answer.text();
    return answer.status === 200 ? this.session() : JSON.parse(text);
  }

  async session() {
    return (await this.go(`${own}/api/v1/session`)).json();
  }
}

let listener;
const serve = (alg) => new Promise((done) => { listener = provider(alg).listen(new URL(issuer).port, '127.0.0.1', done); });
const stop = () => new Promise((done) => { listener.close(done); listener.closeAllConnections(); });

await serve('RS256');
const first = await new Browser().login('ann');
assert.deepEqual([first.role, first.name, first.must_change_password], ['agent', '姓名 ann', false], JSON.stringify(first));
console.log('a first login made an account with the role of its group');

const eve = await new Browser().login('eve');
assert.equal(eve.code, 'provider_refused', JSON.stringify(eve));
console.log('somebody without a group of ours was refused');

const thief = new Browser();
const stolen = await thief.through('ann');
const refused = async (browser, address, code) => {
  const answer = await (await browser.go(address)).json();
  assert.equal(answer.code, code, JSON.stringify(answer));
};
await refused(new Browser(), stolen, 'provider_refused');
const other = new Browser();
await other.go(`${own}/api/v1/session/oidc/demo`);
await refused(other, stolen, 'provider_refused');
await refused(thief, stolen.replace('state=', 'state=x'), 'provider_refused');
await refused(thief, stolen.replace(/iss=[^&]+/, 'iss=http%3A%2F%2Fevil.example'), 'provider_refused');
await refused(thief, stolen.replace(/code=[^&]+/, 'code=guessed'), 'provider_refused');
await refused(thief, `${callback}?error=access_denied&state=x`, 'provider_refused');
await refused(thief, `${callback}?code=a&state=b&next=http%3A%2F%2Fevil.example`, 'invalid_field');
console.log('answers for another browser, forged ones and refusals were refused');

const began = new Browser();
const used = await began.through('ann');
const kept = new Map(began.jars.get(new URL(own).host));
assert.equal((await began.go(used)).status, 200);
began.jars.set(new URL(own).host, kept);
await refused(began, used, 'provider_refused');
console.log('a code counted once');

groups.ann = ['lww-auditors'];
await stop();
await serve('ES256');
const moved = await new Browser().login('ann');
assert.deepEqual([moved.account, moved.role], [first.account, 'auditor'], JSON.stringify(moved));
console.log('the same person with another group got its role, by a token of another algorithm');

// The demo tenant has an administrator by this name. Somebody who is only called so gets nothing; with the same role by
// the provider the account is linked; and its role changes with the provider's, unless nobody could manage accounts then.
const namesake = await new Browser().login('admin');
assert.equal(namesake.code, 'forbidden', JSON.stringify(namesake));
groups.admin = ['lww-admins'];
const admin = await new Browser().login('admin');
assert.deepEqual([admin.role, admin.must_change_password], ['admin', false], JSON.stringify(admin));
groups.admin = ['lww-auditors'];
const again = await new Browser().login('admin');
assert.equal(again.code, 'last_admin', JSON.stringify(again));
console.log('an account of the same login and role was linked, and the last administrator stayed one');

// Logging out at the provider ends the session that came from it, and no other of the same person.
const [leaving, staying] = [new Browser(), new Browser()];
await leaving.login('ann');
await staying.login('ann');
const leave = await leaving.go(`${issuer}/session/end`);
const xsrf = /name="xsrf" value="(\w+)"/.exec(await leave.text())[1];
const left = await leaving.go(`${issuer}/session/end/confirm`, { xsrf, logout: 'yes' });
assert.ok([200, 302, 303].includes(left.status), await left.text());
for (let tries = 0; (await leaving.session()).code !== 'bad_credentials'; tries += 1) {
  assert.ok(tries < 100, 'the session goes on');
  await new Promise((done) => { setTimeout(done, 50); });
}
assert.equal((await staying.session()).account, first.account);
console.log('a logout at the provider ended the session that came from there, and no other');

await stop();
const down = await (await fetch(`${own}/api/v1/session/oidc/demo`, { redirect: 'manual' })).status;
assert.equal(down, 303, 'documents are cached');
console.log('without the provider a login begins by what is cached');
