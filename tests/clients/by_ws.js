// The servers, used by the library `ws` for Node.
//
// Run by `cargo test --test clients`; by hand, where the library is installed:
//
//     node tests/clients/by_ws.js 127.0.0.1:8000

'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { WebSocket } = require('ws');

const [server] = process.argv.slice(2);

/** An open connection, and what comes on it in the order in which it comes. */
class Client {
  static async open(target, { protocols = [], ...options } = {}) {
    const client = new Client(target, protocols, options);
    await once(client.socket, 'open');
    return client;
  }

  constructor(target, protocols, options) {
    this.socket = new WebSocket(`ws://${server}${target}`, protocols, options);
    this.messages = [];
    this.socket.on('upgrade', (response) => (this.agreed = response.headers['sec-websocket-extensions'] ?? ''));
    this.closed = once(this.socket, 'close');
    this.closed.catch(() => {}); // who waits for it hears of it
    this.socket.on('message', (data, isBinary) => this.messages.push(isBinary ? data : data.toString()));
  }

  async receive() {
    if (this.messages.length === 0) await Promise.race([once(this.socket, 'message'), this.closed]);
    assert(this.messages.length > 0, 'the connection was closed');
    return this.messages.shift();
  }

  /** Sends a message and answers how many bytes its echo took. */
  async echo(message) {
    const transport = this.socket._socket;
    const before = transport.bytesRead;
    this.socket.send(message);
    assert.deepEqual(await this.receive(), message);
    return transport.bytesRead - before;
  }

  async close(...how) {
    this.socket.close(...how);
    const [code, reason] = await this.closed;
    return [code, reason.toString()];
  }
}

/** The answer to a handshake that is not accepted. */
async function refused(options) {
  const socket = new WebSocket(`ws://${server}/ws/echo`, options);
  socket.on('open', () => assert.fail('it was opened'));
  const [request, response] = await once(socket, 'unexpected-response');
  request.destroy();
  return response;
}

/** Bytes that nothing can be left out of. */
function noise(length) {
  return Buffer.from(Array.from({ length }, (_, at) => ((at * at * 31) % 65521) % 256));
}

const checks = {
  async 'echoes messages of every length'() {
    for (const perMessageDeflate of [false, { threshold: 0 }]) {
      const client = await Client.open('/ws/echo', { perMessageDeflate });
      for (const length of [0, 1, 125, 126, 65_535, 65_536, 1 << 20]) {
        await client.echo('x'.repeat(length));
        await client.echo(noise(length));
      }
      await client.echo('κόσμε 🦀'.repeat(1000));
      await client.close();
    }
  },

  async 'puts fragments together'() {
    for (const perMessageDeflate of [false, { threshold: 0 }]) {
      const client = await Client.open('/ws/echo', { perMessageDeflate });
      for (const piece of ['frag', '', 'men']) client.socket.send(piece, { fin: false });
      client.socket.ping('in between');
      client.socket.send('ted', { fin: true });
      const [payload] = await once(client.socket, 'pong');
      assert.equal(payload.toString(), 'in between');
      assert.equal(await client.receive(), 'fragmented');
      await client.close();
    }
  },

  async 'sends in fragments'() {
    const client = await Client.open('/ws/fragment/4');
    for (const message of ['κόσμε', noise(10), noise(100_000), '']) await client.echo(message);
    await client.close();
  },

  async 'answers pings'() {
    const client = await Client.open('/ws/echo');
    for (const payload of ['', 'who is there?', 'x'.repeat(125)]) {
      client.socket.ping(payload);
      const [answer] = await once(client.socket, 'pong');
      assert.equal(answer.toString(), payload);
    }
    await client.close();
  },

  async 'stays with who answers its pings'() {
    const client = await Client.open('/ws/echo?ping=50ms&timeout=5s');
    for (let count = 0; count < 5; count++) await once(client.socket, 'ping');
    await client.echo('still here');
    await client.close();
  },

  async 'leaves who does not answer its pings'() {
    const client = await Client.open('/ws/echo?ping=50ms&timeout=50ms', { autoPong: false });
    const [code] = await client.closed;
    assert.equal(code, 3012);
  },

  async 'answers a close with its code'() {
    for (const how of [[1000, ''], [1001, 'on to something else'], [3000, 'κόσμε'], [4999, 'x'.repeat(123)]]) {
      const client = await Client.open('/ws/echo');
      const [code] = await client.close(...how);
      assert.equal(code, how[0]);
    }
  },

  async 'closes with the code that was asked for'() {
    for (const wanted of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]) {
      const client = await Client.open(`/ws/close/${wanted}?reason=asked+for`);
      const [code, reason] = await client.closed;
      assert.deepEqual([code, reason.toString()], [wanted, 'asked for']);
    }
  },

  async 'tells who breaks a rule'() {
    const client = await Client.open('/ws/echo?max_message=100');
    client.socket.send('x'.repeat(101));
    const [code, reason] = await client.closed;
    assert.equal(code, 1009);
    assert.match(reason.toString(), /RFC 6455/);
  },

  async 'compresses with what went before'() {
    const client = await Client.open('/ws/echo', { perMessageDeflate: { threshold: 0 } });
    assert.match(client.agreed, /permessage-deflate/);
    const first = await client.echo(noise(8000));
    const second = await client.echo(noise(8000));
    assert(second < first / 10, `${first} and then ${second} bytes`);
    await client.close();
  },

  async 'compresses each message by itself'() {
    const perMessageDeflate = { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true };
    const client = await Client.open('/ws/echo', { perMessageDeflate });
    assert.match(client.agreed, /server_no_context_takeover/);
    assert.match(client.agreed, /client_no_context_takeover/);
    assert.equal(await client.echo(noise(8000)), await client.echo(noise(8000)));
    assert((await client.echo('x'.repeat(100_000))) < 1000);
    await client.close();
  },

  async 'keeps to the window that was agreed on'() {
    for (let bits = 9; bits <= 15; bits++) {
      const perMessageDeflate = { threshold: 0, serverMaxWindowBits: bits, clientMaxWindowBits: bits };
      const client = await Client.open('/ws/echo', { perMessageDeflate });
      assert.match(client.agreed, new RegExp(`server_max_window_bits=${bits}\\b`));
      for (let count = 0; count < 3; count++) await client.echo(noise(100_000));
      await client.close();
    }
  },

  async 'leaves compression to who offers it'() {
    const client = await Client.open('/ws/echo', { perMessageDeflate: false });
    assert.equal(client.agreed, '');
    assert((await client.echo('x'.repeat(100_000))) > 100_000);
    await client.close();
  },

  async 'speaks the subprotocol that the client prefers'() {
    for (const [protocols, spoken] of [
      [['lab.text.v1'], 'lab.text.v1'],
      [['lab.json.v1'], 'lab.json.v1'],
      [['lab.json.v1', 'lab.text.v1'], 'lab.json.v1'],
      [['unheard.of', 'lab.text.v1'], 'lab.text.v1'],
      [[], ''],
    ]) {
      const client = await Client.open('/ws/echo', { protocols });
      assert.equal(client.socket.protocol, spoken);
      await client.close();
    }
  },

  async 'refuses pages from elsewhere'() {
    assert.equal((await refused({ origin: 'http://elsewhere.example' })).statusCode, 403);
    const client = await Client.open('/ws/echo', { origin: `http://${server}` });
    await client.echo('from a page of this server');
    await client.close();
  },

  async 'refuses other versions'() {
    const response = await refused({ protocolVersion: 8 });
    assert.deepEqual([response.statusCode, response.headers['sec-websocket-version']], [426, '13']);
  },

  async 'lets members of a room hear each other'() {
    const a = await Client.open('/ws/chat?room=node&name=a');
    assert.equal(await a.receive(), 'a joined');
    const b = await Client.open('/ws/chat?room=node&name=b', { protocols: ['lab.json.v1'] });
    assert.equal(await a.receive(), 'b joined');
    assert.deepEqual(JSON.parse(await b.receive()), { event: 'joined', name: 'b' });
    a.socket.send('hello');
    assert.equal(await a.receive(), 'a: hello');
    assert.deepEqual(JSON.parse(await b.receive()), { event: 'said', name: 'a', text: 'hello' });
    const presence = await fetch(`http://${server}/ws/chat/node/presence`);
    assert.equal(await presence.text(), 'a\nb\n');
    await b.close();
    assert.equal(await a.receive(), 'b left');
    await a.close();
  },

  async ticks() {
    const client = await Client.open('/ws/ticker/10ms');
    for (let number = 1; number <= 5; number++) assert.equal(await client.receive(), `tick ${number}`);
    await client.close();
  },
};

async function main() {
  for (const [name, check] of Object.entries(checks)) {
    console.log(name);
    await check();
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
