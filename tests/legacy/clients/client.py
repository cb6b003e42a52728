"""Python: the standard library's xmlrpc.client."""

import os
import sys
import urllib.request
import xmlrpc.client
from hashlib import md5
from pathlib import Path

server = xmlrpc.client.ServerProxy(os.environ["ARCHIVE_URL"]).locstor
audio = Path(os.environ["AUDIO"]).read_bytes()

session = server.login({"login": "root", "pass": os.environ["ARCHIVE_PASSWORD"]})["sessid"]
upload = server.storeAudioClipOpen(
    {
        "sessid": session,
        "gunid": "",
        "metadata": Path(os.environ["METADATA"]).read_text("utf-8"),
        "fname": "python.wav",
        "chsum": md5(audio).hexdigest(),
    }
)
urllib.request.urlopen(urllib.request.Request(upload["url"], audio, method="PUT")).close()
gunid = server.storeAudioClipClose({"sessid": session, "token": upload["token"]})["gunid"]

condition = {"cat": "dc:title", "op": "=", "val": os.environ["TITLE"]}
criteria = {"filetype": "audioclip", "operator": "and", "conditions": [condition]}
found = server.searchMetadata({"sessid": session, "criteria": criteria})
assert found["cnt"] == 1, found
assert found["results"][0]["gunid"] == gunid, found
assert found["results"][0]["title"] == os.environ["TITLE"], found

lease = server.downloadRawAudioDataOpen({"sessid": session, "gunid": gunid})
with urllib.request.urlopen(lease["url"]) as answer:
    Path(os.environ["OUT"]).write_bytes(answer.read())
server.downloadRawAudioDataClose({"sessid": session, "token": lease["token"]})

playlist = server.createPlaylist({"sessid": session})["plid"]
edit = server.editPlaylist({"sessid": session, "plid": playlist})
urllib.request.urlopen(edit["url"]).close()
document = Path(os.environ["PLAYLIST"]).read_text("utf-8")
document = document.replace("@PLID@", playlist).replace("@GUNID@", gunid)
saved = server.savePlaylist({"sessid": session, "token": edit["token"], "newPlaylist": document})
assert saved["plid"] == playlist, saved
opened = server.accessPlaylist({"sessid": session, "plid": playlist, "recursive": True})
assert len(opened["content"]) == 1, opened
assert server.releasePlaylist({"token": opened["token"]})["plid"] == playlist

assert server.logout({"sessid": session})["status"] is True
try:
    server.logout({"sessid": session})
except xmlrpc.client.Fault as fault:
    assert fault.faultCode == 803, fault
sys.stdout.write(f"{gunid} {playlist}\n")
