// The event streams of the servers, used by the library `eventsource` for Node, whose API is that of browsers.
//
// Run by `cargo test --test clients`; by hand, where the library is installed, with the command of a server:
//
//     node tests/clients/by_eventsource.js target/debug/epoll-server --port 8000 --data /tmp/lab

'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { EventEmitter, once } = require('node:events');
const http = require('node:http');
const { createInterface } = require('node:readline');
const { inspect } = require('node:util');

const PATIENCE = 30_000;

/** The server, which may end and begin again where it was, with what it had kept. */
const server = {
  async start(...options) {
    const [binary, ...usual] = process.argv.slice(2);
    this.process = spawn(binary, [...usual, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(this.process.stdout);
    const [said] = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
    this.address = said.match(/http:\/\/(\S+)/)[1];
  },

  async end(signal) {
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    await ended;
  },
};

/** A request on a connection of its own: its answer's status and content. */
function ask(method, target, content = '', headers = {}) {
  return new Promise((resolve, reject) => {
    const url = `http://${server.address}${target}`;
    const request = http.request(url, { method, headers, agent: false }, async (response) => {
      let text = '';
      for await (const piece of response.setEncoding('utf8')) text += piece;
      resolve([response.statusCode, text]);
    });
    // As bytes: Node writes a text and the head before it as one, all in UTF-8.
    request.on('error', reject).end(Buffer.from(content));
  });
}

/** Publishes, and answers what is to be heard: the id, the type and the data. */
async function publish(topic, data, kind) {
  const [status, text] = await ask('POST', `/topics/${topic}`, data, kind ? { 'X-Event': kind } : {});
  assert([201, 202].includes(status), `${status} ${text}`);
  return [text.match(/^id (\d+),/)[1], kind ?? 'message', data];
}

async function publishAll(topic, texts) {
  const published = [];
  for (const text of texts) published.push(await publish(topic, text));
  return published;
}

/** An EventSource, and what it has heard in the order in which it was said. */
class Listener extends EventEmitter {
  static async open(target, kinds = []) {
    const listener = new Listener(target, kinds);
    await listener.until(() => listener.opened === 1);
    return listener;
  }

  constructor(target, kinds) {
    super();
    [this.heard, this.bytes, this.opened] = [[], 0, 0];
    const counting = async (...request) => this.counted(await fetch(...request));
    this.source = new Listener.EventSource(`http://${server.address}${target}`, { fetch: counting });
    for (const kind of ['message', ...kinds]) {
      this.source.addEventListener(kind, ({ lastEventId, type, data }) => {
        this.heard.push([lastEventId, type, data]);
        this.emit('news');
      });
    }
    this.source.addEventListener('open', () => {
      this.opened += 1;
      this.emit('news');
    });
    this.source.addEventListener('error', (error) => {
      this.error = error;
      this.emit('news');
    });
  }

  /** The same answer, of which each byte counts that comes. */
  counted(response) {
    if (!response.body) return response;
    const count = (piece, out) => {
      this.bytes += piece.length;
      out.enqueue(piece);
      this.emit('news');
    };
    const { status, headers } = response;
    return new Response(response.body.pipeThrough(new TransformStream({ transform: count })), { status, headers });
  }

  async until(condition) {
    const signal = AbortSignal.timeout(PATIENCE);
    const complain = () => assert.fail(`waited in vain: ${condition}; heard ${inspect(this.heard)}`);
    while (!condition()) await once(this, 'news', { signal }).catch(complain);
  }

  /** It hears exactly this, and nothing between. */
  async hears(expected) {
    await this.until(() => this.heard.length >= expected.length);
    assert.deepEqual(this.heard.splice(0, expected.length), expected);
  }
}

const checks = {
  async 'hears events of every type with their ids'() {
    const listener = await Listener.open('/topics/types/events', ['greeting', 'κόσμε']);
    const published = [
      await publish('types', 'no type'),
      await publish('types', 'hello', 'greeting'),
      await publish('types', 'a type that nobody listens to', 'unheard'),
      await publish('types', '', 'greeting'),
      await publish('types', ' κόσμε 🦀 ', Buffer.from('κόσμε').toString('latin1')),
      await publish('types', 'x'.repeat(60_000)),
    ];
    published.splice(2, 1);
    published[3][1] = 'κόσμε';
    await listener.hears(published);
    listener.source.close();
  },

  async 'hears lines however they end'() {
    const listener = await Listener.open('/topics/lines/events');
    const [id] = await publish('lines', 'a\r\nb\rc\nd\n');
    await listener.hears([[id, 'message', 'a\nb\nc\nd\n']]);
    listener.source.close();
  },

  async 'begins where its URL says, and goes on where it was'() {
    const published = await publishAll('past', ['first', 'second']);
    const listener = await Listener.open('/topics/past/events?since=all');
    await listener.hears(published);
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL']) {
      const before = await publishAll('past', Array.from({ length: 50 }, (_, at) => `before ${signal} ${at}`));
      await server.end(signal);
      // The kernel takes the ring of a killed process apart a moment later, and then resets who has connected.
      await assert.rejects(publish('past', 'to nobody'), ({ code }) => /^ECONN(REFUSED|RESET)$/.test(code));
      await server.start();
      const behind = await publishAll('past', Array.from({ length: 50 }, (_, at) => `behind ${signal} ${at}`));
      await listener.hears([...before, ...behind, await publish('past', 'and on')]);
    }
    assert.equal(listener.opened, 4);
    listener.source.close();
  },

  async 'hears several topics, and goes on where it was in each'() {
    const listener = await Listener.open('/topics/a,b/events');
    const [[a1], [a2]] = await publishAll('a', ['a1', 'a2']);
    const [[b1]] = await publishAll('b', ['b1']);
    await listener.hears([
      [`a:${a1},b:0`, 'message', 'a1'],
      [`a:${a2},b:0`, 'message', 'a2'],
      [`a:${a2},b:${b1}`, 'message', 'b1'],
    ]);
    await server.end('SIGKILL');
    await server.start();
    const published = [...(await publishAll('b', ['b2', 'b3'])), ...(await publishAll('a', ['a3', 'a4']))];
    await listener.until(() => listener.heard.length === published.length);
    const heard = listener.heard.map(([ids, kind, data]) => {
      const id = ids.split(',').map((part) => part.split(':')).find(([topic]) => topic === data[0])[1];
      return [id, kind, data];
    });
    for (const topic of ['a', 'b']) {
      const of = (events) => events.filter(([, , data]) => data[0] === topic);
      assert.deepEqual(of(heard), of(published));
    }
    listener.source.close();
  },

  async 'goes on where it was though it has heard nothing'() {
    for (const [target, topics] of [['silent', ['silent']], ['quiet,mute', ['quiet', 'mute']]]) {
      await publish(topics[0], 'before it comes');
      const listener = await Listener.open(`/topics/${target}/events`);
      await listener.until(() => listener.bytes > 0);
      await server.end('SIGKILL');
      await server.start();
      for (const topic of topics) await publish(topic, `on ${topic} while it is away`);
      await listener.until(() => listener.heard.length === topics.length);
      const expected = topics.map((topic) => `on ${topic} while it is away`);
      assert.deepEqual(listener.heard.map(([, , data]) => data), expected);
      listener.source.close();
    }
  },

  async 'is told what it has missed for good'() {
    const listener = await Listener.open('/topics/gap/events', ['gap']);
    const first = await publish('gap', 'first');
    await listener.hears([first]);
    await server.end('SIGTERM');
    await server.start('--history-events', '3');
    const published = await publishAll('gap', ['2', '3', '4', '5', '6']);
    const gap = { topic: 'gap', from: Number(first[0]) + 1, to: Number(published[1][0]) };
    await listener.hears([[String(gap.to), 'gap', JSON.stringify(gap)], ...published.slice(2)]);
    // What is told once is not told again.
    await server.end('SIGTERM');
    await server.start();
    await listener.hears([await publish('gap', 'last')]);
    listener.source.close();
  },

  async 'does not come again when the topic has ended'() {
    const listener = await Listener.open('/topics/over/events', ['end']);
    const last = await publish('over', 'last');
    assert.deepEqual(await ask('DELETE', '/topics/over'), [204, '']);
    await listener.hears([last, [last[0], 'end', 'over']]);
    await listener.until(() => listener.source.readyState === listener.source.CLOSED);
    assert.deepEqual([listener.error.code, listener.opened], [204, 1]);
  },

  async 'hears nothing of signs of life'() {
    const listener = await Listener.open('/topics/quiet/events?heartbeat=10ms');
    const first = await publish('quiet', 'before');
    await listener.hears([first]);
    const bytes = listener.bytes;
    await listener.until(() => listener.bytes > bytes + 40);
    await listener.hears([await publish('quiet', 'behind')]);
    listener.source.close();
  },
};

async function main() {
  // It is a module of the other kind, and those are not looked for in NODE_PATH.
  ({ EventSource: Listener.EventSource } = await import(require.resolve('eventsource')));
  await server.start();
  for (const [name, check] of Object.entries(checks)) {
    console.log(name);
    await check();
  }
}

process.on('exit', () => server.process?.kill('SIGKILL'));
main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
