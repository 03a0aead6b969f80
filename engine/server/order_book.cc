#include "engine/server/order_book.h"

#include <algorithm>
#include <utility>

#include "engine/io/append_file.h"
#include "engine/io/files.h"
#include "engine/text/time_text.h"

namespace sluice::server {
namespace {

using InForce = DestinationOrders::InForce;

constexpr std::size_t kOrdersFileBytesMax = control::kDestinationOrdersMax * std::size_t{4096};

std::string name_of(const InForce& each) { return each.order.name(); }

InForce in_force(DestinationOrder order, Instant now, WallMillis wall) {
  InForce made{.order = std::move(order), .until = {}, .limit = nullptr, .words = {}};
  made.until = later(now, std::chrono::milliseconds(made.order.until - wall));
  if (!made.order.suspends()) made.limit = std::make_shared<SharedLimit>(made.order.connections, made.order.per_minute);
  made.words = control::order_words(made.order);
  return made;
}

}  // namespace

LoadedOrders load_orders(const std::string& file, Instant now, WallMillis wall) {
  LoadedOrders loaded;
  if (!io::stamp_file(file).exists) return loaded;
  const auto text = io::read_file(file, kOrdersFileBytesMax);
  if (!text) {
    loaded.fault = text.error();
    return loaded;
  }
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    auto order = control::decode_order(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!order || loaded.orders.size() == control::kDestinationOrdersMax) {
      ++loaded.damaged;
    } else if (order->until > wall) {
      loaded.orders.push_back(in_force(*std::move(order), now, wall));
    }
  }
  std::ranges::sort(loaded.orders, {}, name_of);
  return loaded;
}

OrderBook::OrderBook(Parts parts, std::vector<InForce> orders) : parts_(std::move(parts)), orders_(std::move(orders)) {
  arm();
}

std::vector<DestinationOrder> OrderBook::orders() const {
  std::vector<DestinationOrder> all;
  for (const InForce& each : orders_) all.push_back(each.order);
  return all;
}

std::expected<DestinationOrder, std::string> OrderBook::carry_out(const control::DestinationRequest& request,
                                                                  const Actor& actor) {
  const WallMillis wall = parts_.loop.platform().clock.wall();
  auto asked = control::order_of(request, wall, actor.text());
  if (!asked) return std::unexpected(asked.error());
  const std::string name = asked->name();
  const auto at = std::ranges::lower_bound(orders_, name, {}, name_of);
  const bool known = at != orders_.end() && name_of(*at) == name;
  if (request.verb == control::DestinationVerb::resume) {
    if (!known) return std::unexpected("nothing is in force there; see: sluicectl destination list");
    *asked = at->order;
    orders_.erase(at);
  } else if (known) {
    *at = in_force(*asked, parts_.loop.now(), wall);
  } else if (orders_.size() >= control::kDestinationOrdersMax) {
    return std::unexpected("as many orders are in force as may be: " + std::to_string(orders_.size()));
  } else {
    orders_.insert(at, in_force(*asked, parts_.loop.now(), wall));
  }
  emit(*asked, control::verb_name(request.verb), actor);
  distribute();
  return asked;
}

void OrderBook::distribute() {
  parts_.changed(std::make_shared<const DestinationOrders>(orders_));
  arm();
}

void OrderBook::arm() {
  parts_.loop.timers().disarm(end_);
  if (closed_ || orders_.empty()) return;
  parts_.loop.timers().arm(end_, std::ranges::min_element(orders_, {}, &InForce::until)->until);
}

// Mail goes on by itself: cores look at the end of each order.  This is for the list, the log and the file.
void OrderBook::on_end(void* context) {
  auto& self = *static_cast<OrderBook*>(context);
  const Instant now = self.parts_.loop.now();
  for (const InForce& each : self.orders_)
    if (each.until <= now) self.emit(each.order, "ended", {.uid = {}, .name = "sluice"});
  std::erase_if(self.orders_, [now](const InForce& each) { return each.until <= now; });
  self.distribute();
  self.saving_.add(self.save_after_end());
}

Task<void> OrderBook::save_after_end() { static_cast<void>(co_await save()); }

// One at a time, in the order of the calls; each writes what is in force when its turn comes.
Task<std::string> OrderBook::save() {
  while (writing_) {
    AsyncEvent turn;
    turns_.push_back(&turn);
    co_await turn.wait("orders about destinations to be written before these");
  }
  writing_ = true;
  std::string text;
  for (const InForce& each : orders_) text += control::encode_order(each.order) + "\n";
  auto fault = co_await io::run_on_worker<std::string>(
      parts_.loop,
      [path = parts_.file, text = std::move(text)]() -> std::string {
        const auto done = io::AppendFile::replace(path, text);
        return done ? std::string() : done.error();
      },
      "orders about destinations to be written");
  writing_ = false;
  if (!turns_.empty()) {
    AsyncEvent* const next = turns_.front();
    turns_.pop_front();
    next->set();
  }
  std::string why = fault ? *std::move(fault) : std::string("too many jobs wait");
  if (!why.empty()) parts_.events.emit(event::DestinationOrdersNotRecorded{.reason = why});
  co_return why;
}

Task<void> OrderBook::close() {
  closed_ = true;
  parts_.loop.timers().disarm(end_);
  co_await saving_.join("orders about destinations to be written");
}

void OrderBook::emit(const DestinationOrder& order, std::string_view what, const Actor& actor) {
  const std::string name = order.name();
  const std::string who = actor.text();
  const std::string until = text::time_string(order.until);
  parts_.events.emit(event::DestinationOrder{.order = what,
                                             .place = name,
                                             .until = until,
                                             .connections = order.connections,
                                             .per_minute = order.per_minute,
                                             .actor = who,
                                             .uid = actor.uid_value(),
                                             .reason = order.reason});
}

}  // namespace sluice::server
