<?php
// PHP: the xmlrpc extension (php-xmlrpc), over PHP's own HTTP.
const SESSID = '0123456789abcdef0123456789abcdef';

function call($method, $members)
{
    $options = ['encoding' => 'UTF-8', 'escaping' => 'markup'];
    $http = [
        'method' => 'POST',
        'header' => ['Content-Type: text/xml'],
        'content' => xmlrpc_encode_request("locstor.$method", [$members], $options),
        'protocol_version' => 1.0,
    ];
    file_get_contents(getenv('ARCHIVE_URL'), false, stream_context_create(['http' => $http]));
}

call('authenticate', ['login' => 'root', 'pass' => 'Kő & <b>']);
call('getVersion', []);
$since = '20260102T03:04:05';
xmlrpc_set_type($since, 'datetime');
$criteria = [
    'filetype' => 'audioClip',
    'operator' => 'and',
    'conditions' => [
        ['cat' => 'dc:title', 'op' => 'partial', 'val' => 'Ő & <'],
        ['cat' => 'ls:mtime', 'op' => '>=', 'val' => $since],
        ['cat' => 'dc:creator', 'op' => 'full', 'val' => ''],
    ],
    'limit' => 25,
    'orderby' => [],
    'desc' => false,
];
call('searchMetadata', ['sessid' => SESSID, 'criteria' => $criteria]);
$value = "one \"1\"\n\n two\t<2> & 'Ő' %";
call('savePref', ['sessid' => SESSID, 'key' => 'a key', 'value' => $value]);
call('loadPref', ['sessid' => SESSID, 'key' => 'nothing']);
