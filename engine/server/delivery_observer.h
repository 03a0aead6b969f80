// What is reported of deliveries: events, and to the noticer what next hops say of an account's recipients.  One per
// core; that core's thread only.
#pragma once

#include <string_view>

#include "engine/relay/delivery_record.h"
#include "engine/server/event_observer.h"
#include "policy/noticing/account_watch.h"

namespace sluice::server {

class DeliveryObserver final : public relay::QueueObserver {
 public:
  // Both outlive it.
  DeliveryObserver(EventObserver& events, noticing::AccountWatch& watch, io::Loop& loop)
      : events_(events), watch_(watch), loop_(loop) {}

  void delivery(const relay::DeliveryRecord& record) override;
  void event(std::string_view id, std::string_view what, std::string_view detail) override {
    events_.event(id, what, detail);
  }

 private:
  EventObserver& events_;
  noticing::AccountWatch& watch_;
  io::Loop& loop_;
};

}  // namespace sluice::server
