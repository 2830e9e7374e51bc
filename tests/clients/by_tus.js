// Uploads to the servers by the library `tus-js-client` for Node.
//
// Run by `cargo test --test clients`; by hand, where the library is installed:
//
//     node tests/clients/by_tus.js 127.0.0.1:8000

'use strict';

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { PassThrough } = require('node:stream');
const tus = require('tus-js-client');

const server = process.argv[2];
const endpoint = `http://${server}/uploads`;

/** Bytes that are not the same twice soon. */
function content(length, name) {
  const blocks = [];
  for (let at = 0; at * 32 < length; at += 1) {
    blocks.push(createHash('sha256').update(`${name} ${at}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** Uploads, and answers the upload when it is over, or when `abortAt` bytes have been accepted. */
function upload(whole, options, abortAt = Infinity) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(whole, {
      endpoint,
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve(upload),
      onChunkComplete: async (_size, accepted) => {
        if (accepted < abortAt) return;
        await upload.abort();
        resolve(upload);
      },
      ...options,
    });
    upload.start();
  });
}

async function check(whole, type = 'application/octet-stream') {
  const digest = createHash('sha256').update(whole).digest('hex');
  const answer = await fetch(`http://${server}/images/${digest}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('Content-Type'), type);
  assert(Buffer.from(await answer.arrayBuffer()).equals(whole));
}

const checks = {
  async uploadsInOnePieceAndInMany() {
    for (const [length, chunkSize] of [[1, 10], [100_000, Infinity], [1_000_000, 70_001]]) {
      const whole = content(length, 'pieces');
      await upload(whole, { chunkSize, metadata: { filename: 'cät.png', filetype: 'image/png' } });
      await check(whole, 'image/png');
    }
  },

  async sendsTheFirstPieceWithTheCreation() {
    const whole = content(300_000, 'creation');
    await upload(whole, { chunkSize: 100_000, uploadDataDuringCreation: true });
    await check(whole);
  },

  async uploadsNothing() {
    await upload(Buffer.alloc(0), {});
    await check(Buffer.alloc(0));
  },

  async goesOnWhereItWasStopped() {
    const whole = content(500_000, 'stopped');
    const { url } = await upload(whole, { chunkSize: 100_000 }, 200_000);
    await upload(whole, { uploadUrl: url });
    await check(whole);
  },

  async sendsPiecesAtTheSameTime() {
    for (const [length, parallelUploads] of [[500_000, 2], [1_000_001, 5]]) {
      const whole = content(length, 'parallel');
      const { url } = await upload(whole, { parallelUploads, metadata: { filetype: 'image/png' } });
      await check(whole, 'image/png');
      const told = await fetch(url, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } });
      assert.match(told.headers.get('Upload-Concat'), /^final;http\S+\/uploads\/\d+( http\S+)+$/);
      assert.equal(told.headers.get('Upload-Offset'), String(length));
    }
  },

  async tellsTheLengthAtTheEnd() {
    const whole = content(250_000, 'deferred');
    const stream = new PassThrough();
    stream.end(whole);
    await upload(stream, { uploadLengthDeferred: true, chunkSize: 100_000 });
    await check(whole);
  },

  async sendsPostWherePatchIsNotKnown() {
    const whole = content(200_000, 'overridden');
    await upload(whole, { overridePatchMethod: true, chunkSize: 90_000 });
    await check(whole);
  },

  async terminates() {
    const whole = content(200_000, 'terminated');
    const { url } = await upload(whole, { chunkSize: 100_000 }, 100_000);
    await tus.Upload.terminate(url);
    assert.equal((await fetch(url, { method: 'HEAD' })).status, 404);
  },
};

(async () => {
  for (const [name, check] of Object.entries(checks)) {
    console.log(name);
    await check();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
