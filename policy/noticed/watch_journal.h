// Writes what is noticed of accounts to a file, so that it outlives the process however it ends.  A thread of its own
// writes a step that was taken or lifted, by a signal, a timer or an operator, at once, and all else that has changed
// every ten minutes and at an orderly end.  The file is written anew when it has grown to several times what it began
// with; until the new one is complete the old one is there, and steps go to both.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/io/append_file.h"
#include "policy/noticing/account_watch.h"

namespace sluice::noticing {

class WatchJournal {
 public:
  // `now`: the time by which policies go; by any thread.  `changed` is called on the journal's thread: with what is
  // wrong when the file can be written no longer, without a text when it can again.
  WatchJournal(std::function<WallMillis()> now, std::string path, std::function<void(const std::string&)> changed);
  ~WatchJournal();
  WatchJournal(const WatchJournal&) = delete;
  WatchJournal& operator=(const WatchJournal&) = delete;

  struct Opened {
    std::unique_ptr<AccountWatch> watch;  // has to outlive stop()
    AccountWatch::Restored restored;
    std::string fault;                // why nothing was read of a file that is there; empty: all is well
    std::uint64_t damaged_bytes = 0;  // left out: a record that was being written, or what the disk has lost
  };
  // What an earlier process has left, with its key; `fresh`: a key for when there is none.  `since_1970` is the
  // AccountWatch's.  Before the cores start.
  [[nodiscard]] Opened open(const AccountWatch::Key& fresh, Duration since_1970, std::span<const WatchedClass> classes);
  void start();
  // Writes what is left.  Nobody calls the AccountWatch any more.
  void stop();

 private:
  // A record for each of what take_unwritten() gives, in pieces.
  class Pieces {
   public:
    Pieces(AccountWatch& watch, AccountWatch::Unwritten which, WallMillis now)
        : watch_(watch), which_(which), now_(now) {}
    // Some records more; false: there are none.
    bool next(std::string& bytes);

   private:
    AccountWatch& watch_;
    AccountWatch::Unwritten which_;
    WallMillis now_;
    std::size_t shard_ = 0;
    std::vector<std::uint64_t> accounts_;
    std::size_t written_ = 0;
  };

  struct Reading;
  void run();
  void write(bool changes);
  std::string append(AccountWatch::Unwritten which);
  std::string write_anew();

  std::function<WallMillis()> now_;
  std::string path_;
  std::function<void(const std::string&)> changed_;
  AccountWatch* watch_ = nullptr;
  std::optional<io::AppendFile> file_;  // none: the next write is of everything
  std::uint64_t size_at_start_ = 0;
  bool faulty_ = false;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool steps_ = false;  // are to be written
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::noticing
