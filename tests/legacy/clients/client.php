<?php
// PHP: the xmlrpc extension (php-xmlrpc).
set_error_handler(function ($level, $message) { throw new ErrorException($message); });

function send($verb, $url, $body = null, $headers = [])
{
    $http = ['method' => $verb, 'header' => $headers, 'protocol_version' => 1.0];
    if ($body !== null) {
        $http['content'] = $body;
    }
    return file_get_contents($url, false, stream_context_create(['http' => $http]));
}

function call($method, $members)
{
    $options = ['encoding' => 'UTF-8', 'escaping' => 'markup'];
    $request = xmlrpc_encode_request("locstor.$method", [$members], $options);
    $answer = send('POST', getenv('ARCHIVE_URL'), $request, ['Content-Type: text/xml']);
    $value = xmlrpc_decode($answer, 'UTF-8');
    if (is_array($value) && xmlrpc_is_fault($value)) {
        throw new Exception($value['faultString'], $value['faultCode']);
    }
    return $value;
}

function check($holds, $what)
{
    if (!$holds) {
        throw new Exception($what);
    }
}

$audio = file_get_contents(getenv('AUDIO'));
$session = call('login', ['login' => 'root', 'pass' => getenv('ARCHIVE_PASSWORD')])['sessid'];
$upload = call('storeAudioClipOpen', [
    'sessid' => $session,
    'gunid' => '',
    'metadata' => file_get_contents(getenv('METADATA')),
    'fname' => 'php.wav',
    'chsum' => md5($audio),
]);
send('PUT', $upload['url'], $audio, ['Content-Type: application/octet-stream']);
$gunid = call('storeAudioClipClose', ['sessid' => $session, 'token' => $upload['token']])['gunid'];

$condition = ['cat' => 'dc:title', 'op' => '=', 'val' => getenv('TITLE')];
$criteria = ['filetype' => 'audioclip', 'operator' => 'and', 'conditions' => [$condition]];
$found = call('searchMetadata', ['sessid' => $session, 'criteria' => $criteria]);
check($found['cnt'] === 1, 'cnt');
check($found['results'][0]['gunid'] === $gunid, 'another clip was found');
check($found['results'][0]['title'] === getenv('TITLE'), 'title');

$lease = call('downloadRawAudioDataOpen', ['sessid' => $session, 'gunid' => $gunid]);
file_put_contents(getenv('OUT'), send('GET', $lease['url']));
call('downloadRawAudioDataClose', ['sessid' => $session, 'token' => $lease['token']]);

$playlist = call('createPlaylist', ['sessid' => $session])['plid'];
$edit = call('editPlaylist', ['sessid' => $session, 'plid' => $playlist]);
$document = strtr(
    file_get_contents(getenv('PLAYLIST')),
    ['@PLID@' => $playlist, '@GUNID@' => $gunid]
);
$saved = call(
    'savePlaylist',
    ['sessid' => $session, 'token' => $edit['token'], 'newPlaylist' => $document]
);
check($saved['plid'] === $playlist, 'another playlist was saved');
$opened = call(
    'accessPlaylist',
    ['sessid' => $session, 'plid' => $playlist, 'recursive' => true]
);
check(count($opened['content']) === 1, 'content');
check(call('releasePlaylist', ['token' => $opened['token']])['plid'] === $playlist, 'released');

check(call('logout', ['sessid' => $session])['status'] === true, 'status');
try {
    call('logout', ['sessid' => $session]);
    check(false, 'a second logout succeeds');
} catch (Exception $fault) {
    check($fault->getCode() === 803, $fault->getMessage());
}
echo "$gunid $playlist\n";
