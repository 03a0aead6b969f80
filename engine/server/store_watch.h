// Brings changes of the accounts' store to all cores: a customer that is suspended must not go on for as long as its
// login is remembered. The main thread, which may block, waits for notices of a file (notices(), noticed(), due()); a
// server's come on a thread of the store. The store is looked at by a worker, for one core's loop, where run() is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store/account_store.h"
#include "engine/base/task.h"
#include "engine/event/dispatcher.h"
#include "engine/io/descriptor.h"
#include "engine/io/loop.h"

namespace sluice::server {

class StoreWatch {
 public:
  using Changed = std::function<void(const auth::Changes&)>;
  // `workers`: for what is asked of the store. `changed` is called on the loop's thread. What is referred to outlives
  // the watch.
  StoreWatch(io::Loop& loop, auth::AccountStore& store, io::Workers& workers, event::Emitter& events, Changed changed);
  StoreWatch(const StoreWatch&) = delete;
  StoreWatch& operator=(const StoreWatch&) = delete;

  // The loop's thread: until stop(). Once.
  Task<void> run();
  void stop();
  // The loop's thread: where it is to be said that nobody can log in while accounts have no keys for SCRAM.
  void set_scram_alone(std::vector<std::string> listeners);

  // The main thread: readable when noticed() is to be called; -1: nothing is noticed here, due() alone goes on.
  [[nodiscard]] int notices() const { return notices_.get(); }
  void noticed(Instant now);
  // When due() is to be called at the latest.
  [[nodiscard]] Instant next_look() const;
  // Asks run() for a look, where it is time for one.
  void due(Instant now);
  // Behind stop(): no thread of the store posts to the loop from then on, and run() ends. May wait for a moment.
  void end_notices();

 private:
  void look(const auth::Changes& changes);
  bool note_scram(std::optional<std::uint64_t> without);
  void warn_of_scram_alone();

  io::Loop& loop_;
  auth::AccountStore& store_;
  io::Workers& workers_;
  std::string file_;
  event::Emitter& events_;
  Changed changed_;
  AsyncEvent wanted_;
  AsyncEvent silent_;  // behind end_notices()
  bool stopped_ = false;
  std::string fault_;  // why nothing is noticed
  std::string last_error_;
  std::vector<Network> networks_;  // that are contained, as the cores know
  std::optional<std::uint64_t> without_scram_;
  std::vector<std::string> scram_alone_;
  // The main thread's.
  io::Descriptor notices_{-1};
  std::unique_ptr<auth::StoreListener> listener_;
  std::vector<Instant> looks_;  // the next ones, the latest first
};

}  // namespace sluice::server
