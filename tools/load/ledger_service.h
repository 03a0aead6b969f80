// How a sender gets the ledger of its run from a sink: one question and one answer a connection, both text.
//   "ledger 0123456789abcdef\n"  ->  RunLedger::text()
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "engine/base/task.h"
#include "engine/net/connection.h"
#include "engine/net/listener.h"
#include "tools/load/ledger.h"

namespace sluice::load {

// The sink's side. Owned by one loop; its thread only.
class LedgerService {
 public:
  // `text_of`: the ledger of a run.
  LedgerService(io::Loop& loop, std::function<std::string(std::uint64_t run)> text_of)
      : loop_(loop), text_of_(std::move(text_of)) {}
  LedgerService(const LedgerService&) = delete;
  LedgerService& operator=(const LedgerService&) = delete;

  // `socket` listens; it is the service's from now on.
  void listen(int socket);
  // Once.
  Task<void> close();

 private:
  Task<void> answer(int socket);

  io::Loop& loop_;
  std::function<std::string(std::uint64_t run)> text_of_;
  std::unique_ptr<net::Listener> listener_;
  std::set<net::Connection*> open_;
  bool closing_ = false;
  TaskSet answers_;
};

// The sender's side. The error is a sentence.
Task<std::expected<RunLedger, std::string>> ask_ledger(io::Loop& loop, io::Address address, std::uint64_t run);

}  // namespace sluice::load
