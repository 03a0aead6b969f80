// The control socket: one request line a connection, one answer, the end.  Served by one core among its
// other work; what concerns all cores is asked of them by message.
// That core's thread only.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/core.h"
#include "engine/core/queue_control.h"
#include "engine/core/status_report.h"
#include "engine/net/listener.h"

namespace sluice::core {

// What came of a reload.
struct Reloaded {
  bool adopted = false;               // the new configuration is in force
  std::vector<std::string> errors;    // sentences: what was not done
  std::vector<std::string> warnings;  // what is wrong beside it
};

// What the control socket can bring about outside its core.
struct ControlActions {
  std::function<Reloaded()> reload;              // on a worker
  std::function<void(const Reloaded&)> reloaded;  // on the core, with what came of it
  std::function<void()> stop;
};

class Control {
 public:
  // `cores` holds every core of the process, `home` is the one that serves.  `socket` is owned.
  Control(Core& home, std::vector<Core*> cores, int socket, ControlActions actions);

  // Until the core drains.
  void start();
  Task<void> close();

 private:
  Task<void> serve(std::unique_ptr<net::Connection> connection);
  Task<std::string> answer(std::string_view request);
  Task<std::vector<CoreStatus>> ask_all(bool with_sessions);
  Task<std::string> answer_about_queue(std::string_view line);
  static Task<void> ask_queue(Core& core, QueueRequest request, std::function<void(QueueAnswer)> told);

  Core& home_;
  std::vector<Core*> cores_;
  ControlActions actions_;
  net::Listener listener_;
};

}  // namespace sluice::core
