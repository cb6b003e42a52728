# Python: xmlrpc.client of the standard library.
import os
import xmlrpc.client

SESSID = "0123456789abcdef0123456789abcdef"

with xmlrpc.client.ServerProxy(os.environ["ARCHIVE_URL"]) as server:
    server.locstor.authenticate({"login": "root", "pass": "Kő & <b>"})
    server.locstor.getVersion({})
    first = {"cat": "dc:title", "op": "partial", "val": "Ő & <"}
    second = {"cat": "ls:mtime", "op": ">=", "val": xmlrpc.client.DateTime("20260102T03:04:05")}
    third = {"cat": "dc:creator", "op": "full", "val": ""}
    criteria = {
        "filetype": "audioClip",
        "operator": "and",
        "conditions": [first, second, third],
        "limit": 25,
        "orderby": [],
        "desc": False,
    }
    server.locstor.searchMetadata({"sessid": SESSID, "criteria": criteria})
    value = "one \"1\"\n\n two\t<2> & 'Ő' %"
    server.locstor.savePref({"sessid": SESSID, "key": "a key", "value": value})
    server.locstor.loadPref({"sessid": SESSID, "key": "nothing"})
