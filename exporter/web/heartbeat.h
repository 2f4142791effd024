// Until a signal ends the exporter it tells systemd that it is alive, if systemd wants to know (WatchdogSec= of the unit).
#pragma once

#include <csignal>

namespace fencewatch {

class Runner;
class Server;

// The signal of `ends` that came. A beat is sent only after a collection of our own has come back from the Runner and the Door has turned
// round since the last: collectors that are stuck in the kernel are no reason to be killed, our own locks and threads are.
int wait_for_end(const sigset_t& ends, Runner& runner, Server& server);

}  // namespace fencewatch
