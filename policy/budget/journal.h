// Writes the budgets to a file, ahead of need, so that what was spent outlives the process however it ends.  A thread
// of its own gathers what all cores want to be written and syncs it in one go: at once while a core waits for a lease
// that nothing was recorded ahead for, else about once a second; it sleeps while there is nothing.  The file is begun
// anew with a copy of all windows at the start, and when it has grown to several times that.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "engine/io/append_file.h"
#include "policy/budget/policy_clock.h"
#include "policy/budget/shared_budget.h"

namespace sluice::policy {

class Journal {
 public:
  // `changed` is called on the journal's thread: with what is wrong when the file can be written no longer, without a
  // text when it can again.  Meanwhile limits hold as before, but what is spent is forgotten if the process is killed.
  Journal(SharedBudget& budget, const PolicyClock& clock, std::string path,
          std::function<void(const std::string&)> changed);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  struct Opened {
    SharedBudget::Remainder remainder;  // what was held, and counts as spent
    std::uint64_t records = 0;
    std::uint64_t damaged_bytes = 0;  // at the end: a record that was being written, or what the disk has lost
  };
  // Reads what an earlier process has left into the budget, and begins the file anew.  Before the cores start.
  [[nodiscard]] std::expected<Opened, std::string> open();
  void start();
  // Writes what is left.  No core asks for anything any more.
  void stop();

 private:
  void run();
  bool write(bool all);
  void sweep();

  SharedBudget& budget_;
  const PolicyClock& clock_;
  std::string path_;
  std::function<void(const std::string&)> changed_;
  std::optional<io::AppendFile> file_;  // none: the next write is of everything
  std::uint64_t size_at_start_ = 0;
  bool faulty_ = false;
  WallMillis swept_ = 0;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool wanted_ = false;     // a core waits
  bool something_ = false;  // is to be written some time
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::policy
