# Python: xmlrpc.client of the standard library, which packs what is longer than it is told.
import os
import xmlrpc.client

transport = xmlrpc.client.Transport()
transport.encode_threshold = 100
with xmlrpc.client.ServerProxy(os.environ["ARCHIVE_URL"], transport) as server:
    server.locstor.authenticate({"login": "root", "pass": "Kő & <b>"})
