#!/usr/bin/env python3
"""Signs a file and posts it to the webhook endpoint of @source@.

@usage@

With --print nothing is sent: the headers that name and prove the body are printed.
"""

@imports@

URL = @url@
SECRET = os.environ["WEBHOOK_SECRET"]@strip@
@timestamp@
@given@

with open(sys.argv[1], "rb") as file:
    body = file.read()

key = @key@
@derive@
message = @message@
signature = @signature@

headers = {
    @headers@
}
if "--print" in sys.argv[2:]:
    for name, value in headers.items():
        print(f"{name}: {value}")
    sys.exit()

headers["content-type"] = "application/json"
@basic@
request = urllib.request.Request(URL, body, headers, method="POST")
try:
    with urllib.request.urlopen(request, timeout=@answer_seconds_max@) as answer:
        print(answer.status)
except urllib.error.HTTPError as error:
    sys.exit(f"{error.code} {error.read().decode()}")
