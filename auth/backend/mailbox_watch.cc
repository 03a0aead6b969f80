#include "auth/backend/mailbox_watch.h"

#include <string>
#include <utility>
#include <vector>

namespace sluice::auth {

MailboxWatch::MailboxWatch(io::Loop& loop, AccountStore& store, BackendChain& backends, Notice notice)
    : loop_(loop),
      store_(store),
      backends_(backends),
      notice_(std::move(notice)),
      timer_([](void* event) { static_cast<AsyncEvent*>(event)->set(); }, &wake_) {}

Task<void> MailboxWatch::run() {
  while (!stopped_) {
    loop_.timers().arm(timer_, later(loop_.now(), kLookEvery));
    co_await wake_.wait("the next look at device passwords");
    loop_.timers().disarm(timer_);
    if (!stopped_) co_await look();
  }
}

void MailboxWatch::stop() {
  stopped_ = true;
  wake_.set();
}

Task<void> MailboxWatch::look() {
  using Due = StoreResult<std::vector<std::string>>;
  const WallMillis now = loop_.platform().clock.wall();
  const auto due = co_await io::run_on_workers<Due>(
      loop_, backends_.store_workers(), [this, now] { return store_.mailboxes_to_ask(now, kLookMax); },
      "mailboxes with device passwords");
  // Without an answer the next look is as good.
  if (!due || !*due) co_return;
  for (const std::string& account : **due) {
    if (stopped_) co_return;
    co_await ask(account);
  }
}

Task<void> MailboxWatch::ask(const std::string& account) {
  ++counters_.asked;
  MailboxState state = MailboxState::untold;
  if (const auto name = Name::make(account)) state = co_await backends_.look_up(*name);
  if (state == MailboxState::untold) ++counters_.untold;
  const WallMillis now = loop_.platform().clock.wall();
  const auto noted = co_await io::run_on_workers<StoreResult<std::size_t>>(
      loop_, backends_.store_workers(), [&, now] { return store_.note_mailbox(account, state, now); },
      "a mailbox with device passwords");
  if (!noted || !*noted || **noted == 0) co_return;
  counters_.devices_revoked += **noted;
  notice_(account, **noted);
}

}  // namespace sluice::auth
