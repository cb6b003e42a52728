// Node: the package xmlrpc.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const xmlrpc = require('xmlrpc');

const server = xmlrpc.createClient(process.env.ARCHIVE_URL);

function call(method, members) {
  return new Promise((resolve, reject) => {
    server.methodCall(`locstor.${method}`, [members], (error, value) =>
      error ? reject(error) : resolve(value));
  });
}

function send(method, url, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method }, (answer) => {
      const blocks = [];
      answer.on('data', (block) => blocks.push(block));
      answer.on('end', () => {
        assert.strictEqual(answer.statusCode, 200);
        resolve(Buffer.concat(blocks));
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function main() {
  const audio = fs.readFileSync(process.env.AUDIO);
  const login = { login: 'root', pass: process.env.ARCHIVE_PASSWORD };
  const { sessid } = await call('login', login);
  const upload = await call('storeAudioClipOpen', {
    sessid,
    gunid: '',
    metadata: fs.readFileSync(process.env.METADATA, 'utf8'),
    fname: 'node.wav',
    chsum: crypto.createHash('md5').update(audio).digest('hex'),
  });
  await send('PUT', upload.url, audio);
  const { gunid } = await call('storeAudioClipClose', { sessid, token: upload.token });

  const conditions = [{ cat: 'dc:title', op: '=', val: process.env.TITLE }];
  const criteria = { filetype: 'audioclip', operator: 'and', conditions };
  const found = await call('searchMetadata', { sessid, criteria });
  assert.strictEqual(found.cnt, 1);
  assert.strictEqual(found.results[0].gunid, gunid);
  assert.strictEqual(found.results[0].title, process.env.TITLE);

  const lease = await call('downloadRawAudioDataOpen', { sessid, gunid });
  fs.writeFileSync(process.env.OUT, await send('GET', lease.url));
  await call('downloadRawAudioDataClose', { sessid, token: lease.token });

  const { plid } = await call('createPlaylist', { sessid });
  const edit = await call('editPlaylist', { sessid, plid });
  await send('GET', edit.url);
  const newPlaylist = fs.readFileSync(process.env.PLAYLIST, 'utf8')
    .replaceAll('@PLID@', plid).replaceAll('@GUNID@', gunid);
  const saved = await call('savePlaylist', { sessid, token: edit.token, newPlaylist });
  assert.strictEqual(saved.plid, plid);
  const opened = await call('accessPlaylist', { sessid, plid, recursive: true });
  assert.strictEqual(opened.content.length, 1);
  assert.strictEqual((await call('releasePlaylist', { token: opened.token })).plid, plid);

  assert.strictEqual((await call('logout', { sessid })).status, true);
  await assert.rejects(call('logout', { sessid }), { faultCode: 803 });
  console.log(gunid, plid);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
