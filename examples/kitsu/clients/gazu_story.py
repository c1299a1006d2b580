"""The documentation's story, told by gazu 1.3.1 as it comes from PyPI.

    python gazu_story.py http://127.0.0.1:8080 CLOCK     (CLOCK is 1 where the server's clock may be moved)
"""

import base64
import hashlib
import hmac
import json
import struct
import sys
import time
import urllib.request

import gazu
from gazu.exception import (
    AuthFailedException,
    NotAllowedException,
    NotAuthenticatedException,
)

BASE, MOVES = sys.argv[1], sys.argv[2] == "1"
HOST = BASE + "/api"
PASSWORD = "mysecretpassword"
DAY = 24 * 60 * 60
ahead = 0


def client(**settings):
    return gazu.client.create_client(HOST, **settings)


def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error as caught:
        return str(caught)
    raise AssertionError(f"{call.__name__} was not refused")


def names(found):
    return [entry["name"] for entry in found]


def advance(secs):
    global ahead
    body = json.dumps({"advance_secs": secs}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(BASE + "/test-clock", body, headers))
    ahead += secs


def totp(secret, steps=0):
    """The code of RFC 6238, so many time steps from the server's now."""
    step = int(time.time() + ahead) // 30 + steps
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


def begin_a_time_step():
    """Codes are made and used in the seconds after this, and no time step is to end meanwhile."""
    into = int(time.time() + ahead) % 30
    if MOVES:
        advance(30 - into)
    elif into > 15:
        time.sleep(30 - into)


def the_page():
    gazu.set_host(HOST)
    assert gazu.client.host_is_up()
    assert gazu.client.host_is_valid()
    wrong = refused(AuthFailedException, gazu.log_in, "admin@example.com", "wrong")
    stranger = refused(AuthFailedException, gazu.log_in, "nobody@example.com", "wrong")
    assert "Wrong email or password." in wrong and wrong == stranger

    assert gazu.log_in("admin@example.com", PASSWORD)["login"] is True
    assert gazu.client.get_current_user()["email"] == "admin@example.com"
    assert gazu.user.is_authenticated()

    project_dict = gazu.user.all_open_projects()[-1]
    assert project_dict["name"] == "The Red Balloon"
    asset_types = gazu.user.all_asset_types_for_project(project_dict)
    assert names(asset_types) == ["Prop"]
    asset_type_dict = asset_types[0]
    assets = gazu.user.all_assets_for_asset_type_and_project(project_dict, asset_type_dict)
    assert names(assets) == ["Balloon"]
    sequences = gazu.user.all_sequences_for_project(project_dict)
    assert names(sequences) == ["SQ01"]
    shots = gazu.user.all_shots_for_sequence(sequences[0])
    assert names(shots) == ["SH01"]
    assert names(gazu.user.all_scenes_for_sequence(sequences[0])) == ["SC01"]
    [task] = gazu.user.all_tasks_for_shot(shots[0])
    assert task["entity_id"] == shots[0]["id"]
    [task] = gazu.user.all_tasks_for_asset(assets[0])
    assert task["entity_id"] == assets[0]["id"]
    assert names(gazu.user.all_task_types_for_asset(assets[0])) == ["Modeling"]
    assert names(gazu.user.all_task_types_for_shot(shots[0])) == ["Animation"]

    tokens = dict(gazu.client.default_client.tokens)
    other = client()
    gazu.log_in("admin@example.com", PASSWORD, client=other)
    gazu.log_out()
    gazu.set_token(tokens["access_token"])
    assert not gazu.user.is_authenticated()
    refused(NotAuthenticatedException, gazu.user.all_open_projects)
    late = client(refresh_token=tokens["refresh_token"])
    refused(NotAuthenticatedException, late.refresh_access_token)
    assert gazu.user.is_authenticated(client=other)


def renewal():
    artist = client(use_refresh_token=True)
    gazu.log_in("artist@example.com", PASSWORD, client=artist)
    before = artist.access_token
    if MOVES:
        advance(7 * DAY)
        assert names(gazu.user.all_open_projects(client=artist)) == ["The Red Balloon"]
    else:
        gazu.refresh_access_token(client=artist)
    assert artist.access_token != before
    stubborn = client(access_token=artist.refresh_token)
    refused(NotAuthenticatedException, gazu.user.all_open_projects, client=stubborn)
    confused = client(refresh_token=artist.access_token)
    refused(NotAuthenticatedException, confused.refresh_access_token)
    if MOVES:
        advance(9 * DAY)
        refused(NotAuthenticatedException, gazu.user.all_open_projects, client=artist)


def bots():
    admin, artist = client(), client()
    gazu.log_in("admin@example.com", PASSWORD, client=admin)
    gazu.log_in("artist@example.com", PASSWORD, client=artist)
    refused(NotAllowedException, gazu.person.new_bot, "Mine", "mine@example.com", client=artist)

    bot = gazu.person.new_bot("Farm", "farm@example.com", role="admin", client=admin)
    gazu.set_token(bot["access_token"])
    assert "The Red Balloon" in names(gazu.user.all_open_projects())
    assert gazu.client.get_current_user()["is_bot"] is True
    refused(NotAllowedException, gazu.log_out)
    assert gazu.user.is_authenticated()

    known = gazu.person.get_person_by_email("farm@example.com", is_bot=True, client=admin)
    assert "access_token" not in known
    again = gazu.person.update_bot(known, client=admin)
    assert not gazu.user.is_authenticated()
    gazu.set_token(again["access_token"])
    assert gazu.user.is_authenticated()
    gazu.person.remove_bot(known, client=admin)
    assert not gazu.user.is_authenticated()

    ann = gazu.person.new_person("Ann", "Animator", "ann@example.com", password="longenough", client=admin)
    hers = client()
    gazu.log_in("ann@example.com", "longenough", client=hers)
    gazu.person.update_person({"id": ann["id"], "active": False}, client=admin)
    assert not gazu.user.is_authenticated(client=hers)
    refused(AuthFailedException, gazu.log_in, "ann@example.com", "longenough", client=hers)
    gazu.person.remove_person(ann, client=admin)


def second_factor():
    artist = client()
    gazu.log_in("artist@example.com", PASSWORD, client=artist)
    begin_a_time_step()
    secret = gazu.client.put("auth/totp", {}, client=artist)["otp_secret"]
    codes = gazu.client.post("auth/totp", {"totp": totp(secret, -1)}, client=artist)["otp_recovery_codes"]

    def log_in(**proof):
        return gazu.log_in("artist@example.com", PASSWORD, client=client(), **proof)

    refused(AuthFailedException, log_in)
    now = totp(secret)
    log_in(totp=now)
    refused(AuthFailedException, log_in, totp=now)
    # As a number, as the documentation has it.
    log_in(totp=int(totp(secret, 1)), email_otp=123456, recovery_code="ABCD-EFGH-IJKL-MNOP")
    log_in(recovery_code=codes[0])
    refused(AuthFailedException, log_in, recovery_code=codes[0])
    proof = gazu.client.put("auth/recovery-codes", {"recovery_code": codes[1]}, client=artist)
    assert len(proof["otp_recovery_codes"]) == len(codes)
    refused(AuthFailedException, log_in, recovery_code=codes[2])


for told in [the_page, renewal, bots, second_factor]:
    told()
    print(f"gazu {gazu.__version__}: {told.__name__}: told")
