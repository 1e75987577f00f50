"""What holds for every test."""

import os
import signal

from hypothesis import settings

settings.register_profile("candlewick", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("candlewick")

# A shell lets what it runs in the background ignore Ctrl-C, `nohup` the end of a terminal, and what
# tests start would inherit it.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

# A broker of a test lives for a minute: what the second compiler costs it never gives back.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
