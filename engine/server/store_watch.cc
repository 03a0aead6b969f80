#include "engine/server/store_watch.h"

#include <algorithm>
#include <utility>

#include "engine/io/directory_notices.h"
#include "engine/server/plan.h"

namespace sluice::server {
namespace {

// Without a notice: a file on another machine's disk sends none, nor does a server that was cut off from us.
constexpr Duration kLookAnyway = std::chrono::seconds(10);
// A writer's last write is noticed a little before others can see what it wrote; and it may be held up just then. A
// suspension reaches every core within a second.
constexpr Duration kLookSoon = std::chrono::milliseconds(50);
constexpr Duration kLookAgain = std::chrono::milliseconds(500);

std::string_view directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

StoreWatch::StoreWatch(io::Loop& loop, auth::AccountStore& store, io::Workers& workers, event::Emitter& events,
                       Changed changed)
    : loop_(loop),
      store_(store),
      workers_(workers),
      file_(store.watched_file()),
      events_(events),
      changed_(std::move(changed)) {
  if (file_.empty()) {
    listener_ =
        store_.listen([this] { loop_.post([this] { wanted_.set(); }); },
                      [this](std::string_view why) {
                        loop_.post([this, error = std::string(why)] {
                          events_.emit(event::StoreUnwatched{
                              .error = error, .effect = "changes of the accounts are looked for once a second"});
                        });
                      });
  } else if (auto notices = io::open_directory_notices(std::string(directory_of(file_)))) {
    notices_ = *std::move(notices);
  } else {
    fault_ = std::move(notices.error());
  }
  looks_.push_back(loop_.platform().clock.now() + kLookAnyway);
}

void StoreWatch::noticed(Instant now) {
  const std::string_view name = std::string_view(file_).substr(file_.rfind('/') + 1);
  // Readers, too, make and map the index of its write-ahead log.
  const auto is_change = [&](std::string_view changed) {
    return changed.empty() || (changed.starts_with(name) && changed.substr(name.size()) != "-shm");
  };
  if (!std::ranges::any_of(io::read_directory_notices(notices_.get()), is_change)) return;
  // The first of a burst says when to look first, the last one when to look again.
  const Instant soon = std::min(next_look(), now + kLookSoon);
  looks_ = {now + kLookAgain, soon};
}

Instant StoreWatch::next_look() const { return looks_.back(); }

void StoreWatch::due(Instant now) {
  if (now < looks_.back()) return;
  looks_.pop_back();
  if (looks_.empty()) looks_.push_back(now + kLookAnyway);
  loop_.post([this] { wanted_.set(); });
}

Task<void> StoreWatch::run() {
  if (!fault_.empty())
    events_.emit(event::StoreUnwatched{.error = fault_,
                                       .effect = "a change of the accounts holds after 10 seconds instead of one"});
  std::uint64_t seen = 0;
  while (!stopped_) {
    auto changes = co_await io::run_on_workers<auth::Changes>(
        loop_, workers_, [this, seen] { return store_.changes_since(seen); }, "changes in the store");
    if (changes) {
      look(*changes);
      seen = changes->upto;
    }
    if (!stopped_) co_await wanted_.wait("a change in the store");
  }
  // The loop is there until then.
  co_await silent_.wait("the store's notices to end");
}

void StoreWatch::end_notices() {
  listener_ = nullptr;
  loop_.post([this] { silent_.set(); });
}

void StoreWatch::look(const auth::Changes& changes) {
  if (changes.error.empty()) {
    const bool scram_changed = note_scram(changes.without_scram);
    const bool networks_changed = changes.networks && networks_ != *changes.networks;
    if (networks_changed) networks_ = *changes.networks;
    if (changes.everything || !changes.accounts.empty() || !changes.customers.empty() || scram_changed ||
        networks_changed)
      changed_(changes);
  } else if (changes.error != last_error_) {
    events_.emit(event::StoreFault{.error = changes.error});
  }
  last_error_ = changes.error;
}

// Whether cores are to hear of it.
bool StoreWatch::note_scram(std::optional<std::uint64_t> without) {
  const auto before = std::exchange(without_scram_, without);
  const bool ready = without == 0U;
  if (without && (!before || ready != (before == 0U))) {
    events_.emit(event::ScramKeys{.missing = *without,
                                  .effect = ready ? "SCRAM is offered" : "SCRAM is not offered until they have"});
    warn_of_scram_alone();
  }
  return without != before;
}

void StoreWatch::set_scram_alone(std::vector<std::string> listeners) {
  if (std::exchange(scram_alone_, std::move(listeners)) != scram_alone_) warn_of_scram_alone();
}

void StoreWatch::warn_of_scram_alone() {
  if (without_scram_.value_or(0) == 0) return;
  for (const std::string& listener : scram_alone_)
    events_.emit(event::ScramAlone{.listener = listener, .missing = *without_scram_, .remedy = kScramAloneRemedy});
}

void StoreWatch::stop() {
  stopped_ = true;
  wanted_.set();
}

}  // namespace sluice::server
