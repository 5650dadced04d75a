"""What Schemathesis has to know about the answers of this server."""
import json

import schemathesis

REASON = "x-semaphore-error"


@schemathesis.hook
def after_call(context, case, response):
    """A refusal may have an empty body with its reason in a header: it is then checked as if it were in the body."""
    media = response.headers.get("content-type")
    if media and len(media) > 1:
        # The QR code comes with two, as from the Go server; browsers take the last one.
        response.headers["content-type"] = media[-1:]
    if response.status_code >= 400 and not response.content and REASON in response.headers:
        response.content = json.dumps({"error": response.headers[REASON][0]}).encode()
