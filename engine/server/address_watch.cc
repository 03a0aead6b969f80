#include "engine/server/address_watch.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "engine/io/interfaces.h"

namespace sluice::server {
namespace {

// Without any notice the addresses are asked for once in so long.
constexpr Duration kAskAnyway = std::chrono::hours(24);
constexpr Duration kAskAgain = std::chrono::seconds(1);

std::set<std::string> texts(const std::vector<io::Address>& addresses) {
  std::set<std::string> all;
  for (const io::Address& address : addresses) all.insert(address.ip());
  return all;
}

// Those of `some` that are not in `others`, in one line.
std::string beyond(const std::set<std::string>& some, const std::set<std::string>& others) {
  std::string line;
  for (const std::string& each : some)
    if (!others.contains(each)) line += (line.empty() ? "" : ", ") + each;
  return line;
}

}  // namespace

AddressWatch::AddressWatch(io::Loop& loop, int socket, event::Emitter& events, mx::MachineAddresses known,
                           Changed changed)
    : loop_(loop), socket_(socket), events_(events), known_(std::move(known)), changed_(std::move(changed)) {}

Task<void> AddressWatch::run() {
  net::Connection notices(loop_, socket_, io::Address());
  notices.set_incoming();
  notices_ = &notices;
  net::IoStatus status = net::IoStatus::ok;
  while (!stopped_ && (status == net::IoStatus::ok || status == net::IoStatus::timed_out)) {
    status = co_await notices.more(kAskAnyway, "a change of the machine's addresses");
    notices.input().clear();
    if (status != net::IoStatus::cancelled) co_await look();
  }
  if (status == net::IoStatus::failed)
    events_.emit(event::OwnAddresses{.error = std::strerror(notices.error()),
                                     .then = "addresses that this machine gets from now on are not known as its own"},
                 event::Severity::error);
  notices_ = nullptr;
  co_await notices.close();
}

void AddressWatch::stop() {
  stopped_ = true;
  if (notices_ != nullptr) notices_->terminate();
}

// A look takes a worker, so that notices in a burst share one.
Task<void> AddressWatch::look() {
  using Addresses = std::vector<io::Address>;
  auto now = co_await io::run_on_worker<Addresses>(loop_, &io::machine_addresses, "the machine's addresses");
  while (!now && !stopped_) {
    co_await loop_.sleep(kAskAgain, "a worker for the machine's addresses");
    now = co_await io::run_on_worker<Addresses>(loop_, &io::machine_addresses, "the machine's addresses");
  }
  // None at all: they cannot be had now.
  if (!now || now->empty()) co_return;
  const std::set<std::string> before = texts(*known_);
  const std::set<std::string> after = texts(*now);
  if (after == before) co_return;
  known_ = std::make_shared<const Addresses>(*std::move(now));
  changed_(known_);
  events_.emit(event::OwnAddresses{.added = beyond(after, before), .removed = beyond(before, after)});
}

}  // namespace sluice::server
