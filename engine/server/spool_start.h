// Opening the spool when the process starts: whose it is, what is in it, and which core goes on with what.
// Blocking; the main thread's, before the cores run.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/disk.h"
#include "engine/relay/queue.h"
#include "engine/server/plan.h"
#include "engine/spool/directory.h"
#include "engine/spool/recovery.h"

namespace sluice::server {

// What a core is given of the spool.
struct SpoolShare {
  spool::Share share;
  std::vector<relay::Restored> restored;
};

struct OpenedSpool {
  std::unique_ptr<spool::Directory> directory;
  std::vector<SpoolShare> shares;  // one a core
  // Names that `restored` refers to by number.
  std::vector<std::string> customers;
  std::vector<std::string> destinations;
  std::uint32_t last_segment = 0;
  spool::QueueId last_id = 0;
  spool::RecoveryCounts counts;
};

// `note` gets what the operator should know.  The error is a sentence that says what to do.
std::expected<OpenedSpool, std::string> open_spool(io::Disk& disk, const Plan& plan, std::size_t cores,
                                                   const std::function<void(const std::string&)>& note);

// What open_spool() would say of the spool as it is now, but for its lock; nothing is changed, and a relay may be using
// it. The errors of the disk are among what it says.  `note` gets what would be left alone.
io::DiskResult<void> examine_spool(io::Disk& disk, const config::Config& config,
                                   const std::function<void(const std::string&)>& note);

}  // namespace sluice::server
