// The spool's directory as a whole: that it is ours, of this version, and used by no other process.
// Blocking, at start-up and at the end.  One thread.
#pragma once

#include <memory>
#include <string>

#include "engine/io/disk.h"

namespace sluice::spool {

class Directory {
 public:
  // Makes the directory if need be.  `host` is this machine's name, `boot` its kernel's number for this start of it
  // (empty: not known).  Needs no space on the disk but the first time.  The error is a sentence that says what to do.
  static io::DiskResult<std::unique_ptr<Directory>> open(io::Disk& disk, const std::string& path,
                                                         const std::string& host, const std::string& boot = "");
  // What open() would say of it now, but for its lock; nothing is made or changed.  One that is not there is fine.
  static io::DiskResult<void> examine(io::Disk& disk, const std::string& path, const std::string& host,
                                      const std::string& boot);
  // The same for reading only, beside a relay that uses it: that it is a spool of this version.
  static io::DiskResult<void> check(io::Disk& disk, const std::string& path);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // Everything has been written and closed: another host may use it from now on.
  void leave();

 private:
  Directory(io::Disk& disk, std::string path, int lock) : disk_(disk), path_(std::move(path)), lock_(lock) {}
  io::Disk& disk_;
  std::string path_;
  int lock_;
};

}  // namespace sluice::spool
