// Node: the package xmlrpc.
'use strict';
const xmlrpc = require('xmlrpc');

const sessid = '0123456789abcdef0123456789abcdef';
const server = xmlrpc.createClient(process.env.ARCHIVE_URL);

function call(method, members) {
  return new Promise((resolve, reject) => {
    server.methodCall(`locstor.${method}`, [members], (error, value) =>
      error ? reject(error) : resolve(value));
  });
}

async function main() {
  await call('authenticate', { login: 'root', pass: 'Kő & <b>' });
  await call('getVersion', {});
  const conditions = [
    { cat: 'dc:title', op: 'partial', val: 'Ő & <' },
    { cat: 'ls:mtime', op: '>=', val: new Date(2026, 0, 2, 3, 4, 5) },
    { cat: 'dc:creator', op: 'full', val: '' },
  ];
  const criteria = {
    filetype: 'audioClip', operator: 'and', conditions, limit: 25, orderby: [], desc: false,
  };
  await call('searchMetadata', { sessid, criteria });
  const value = 'one "1"\n\n two\t<2> & \'Ő\' %';
  await call('savePref', { sessid, key: 'a key', value });
  await call('loadPref', { sessid, key: 'nothing' });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
