// The part of a spool that notices that its files are taken away beneath it: the directory is removed, moved or
// unmounted, or a segment is removed by hand.  The kernel goes on writing to a file that has no name, and what is in it
// ends with the process.
#include <cerrno>

#include "engine/spool/spool.h"

namespace sluice::spool {
namespace {

// Of a long log, at one time.
constexpr int kNamesAtOnce = 64;

bool is_not_there(const io::DiskError& error) {
  return error.error == ENOENT || error.error == ENOTDIR || error.error == ESTALE;
}

}  // namespace

// The segments behind the one that is written, some at a time.
void Spool::look_at_names() {
  if (log_.is_removed()) return;
  for (int i = 0; i < kNamesAtOnce; ++i) {
    Segment* segment = segments_.after(named_);
    named_ = segment == nullptr ? 0 : segment->number;
    if (segment == nullptr) return;
    if (segment->removed || segment->file < 0) continue;
    const auto links = loop_.platform().disk.links(segment->file);
    if (!links || *links > 0) continue;
    segment->removed = true;
    on_warning_(
        options_.log.directory + "/" + segment_name(segment->number) +
        ": was removed while the relay runs: mail in it that waits goes on being delivered, and is lost where it is "
        "not before the relay ends; see it with `sluicectl queue list`");
  }
}

// `place`: the segment that was looked for; empty: the directory was.
void Spool::note_place(const std::string& place, const io::DiskResult<io::DiskEntry>& found) {
  if (closing_ || log_.is_removed() || place != log_.place()) return;
  if (!found && !is_not_there(found.error())) return;
  const bool away = !found;
  if (away == away_) return;
  away_ = away;
  on_warning_(
      away ? found.error().text +
                 ": the spool was moved, or its file system unmounted, while the relay runs: no mail is accepted that "
                 "would need it, until it is at its path again; what waits in it goes on being delivered, and is "
                 "found by the next start only there"
           : options_.log.directory + ": the spool is at its path again");
}

void Spool::tell_losses() {
  if (!log_.is_removed() || index_.empty()) return;
  on_warning_(options_.log.directory + ": " + std::to_string(index_.size()) +
              " messages that were not delivered are lost: their files were removed while the relay ran");
}

}  // namespace sluice::spool
