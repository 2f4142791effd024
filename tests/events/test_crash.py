"""kill -9 at random moments, while events come in and the log is rotated."""
import os
import random
import time
import unittest

from machine import LAST, LASTS, OTHER, RETRANSMIT, RETRANSMITS, Journald, Machine, Writer, until
from test_journal import Speaker

ROUNDS = 25


class File:
    """A daemon that writes its log, and renames it after every 200 lines."""

    def __init__(self, machine):
        self.path = machine.path("var/log/messages")
        self.file, self.rotations = open(self.path, "a", buffering=1), 0

    def say(self, text):
        self.file.write(time.strftime("%b %e %H:%M:%S") + f" n1 {text}\n")

    def rotate(self):
        self.rotations += 1
        self.file.close()
        os.rename(self.path, f"{self.path}-{20260000 + self.rotations}")
        self.file = open(self.path, "a", buffering=1)

    def close(self):
        self.file.close()


class Crash(unittest.TestCase):
    def rounds(self, speaker, source, rotate):
        said = 0

        def step():
            nonlocal said
            said += 1
            speaker.say(RETRANSMIT.format(said))
            speaker.say(OTHER.format(said))
            if said % 100 == 0:
                rotate()
            time.sleep(0.001)  # so that the exporter is never far behind, and mostly at work

        draw = random.Random(source)
        flags = [f"--log.{channel}-sources={source}" for channel in ("kernel", "corosync", "pacemaker", "sbd")] + ["--log.from-start"]
        writer = Writer(step)
        try:
            for _ in range(ROUNDS):
                self.machine.watch(*flags)
                time.sleep(draw.uniform(0, 0.3))  # not a wait: the moment of the crash
                self.machine.kill()
        finally:
            writer.stop()
        speaker.say(LAST)
        self.machine.watch(*flags)
        until(lambda: self.machine.sum(LASTS) == 1, "what was said last is counted")
        self.assertEqual(self.machine.sum(RETRANSMITS), said)

    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)

    def test_a_file_that_is_rotated(self):
        speaker = File(self.machine)
        self.addCleanup(speaker.close)
        self.rounds(speaker, "/var/log/messages", speaker.rotate)

    def test_a_journal(self):
        if reason := Journald.missing():
            self.skipTest(reason)
        journald = Journald(self.machine)
        self.addCleanup(journald.close)
        speaker = Speaker(journald)
        self.addCleanup(speaker.close)
        speaker.say(OTHER.format(0))
        until(lambda: journald.files(), "there is a journal")
        self.rounds(speaker, "journal", lambda: None)
