#include "policy/noticing/class_policy.h"

namespace sluice::noticing {
namespace {

constexpr ClassPolicy kHome{};

// An office: more recipients, staff that share a mailbox from several places, and a disclaimer below each message that
// makes short ones alike.  In its first days it writes to hundreds that the relay does not know yet, and to some of
// them again: a bought list has nobody twice.
constexpr ClassPolicy kBusiness{.ordinary = {.recipients = 300,
                                             .first_time_recipients = 60,
                                             .networks = 12,
                                             .countries = 3,
                                             .same_text = 200,
                                             .bulk = 300,
                                             .first_time_by_again = 0.4F}};

// A scanner, a till: the same few recipients from one place.
constexpr ClassPolicy kDevice{
    .ordinary = {
        .recipients = 100, .first_time_recipients = 20, .networks = 3, .countries = 1, .same_text = 200, .bulk = 300}};

// A school or a shop that writes to thousands at once: one text to many is what it is for, and lists grow old.
constexpr ClassPolicy kListServer{.ordinary = {.recipients = 10'000,
                                               .first_time_recipients = 5'000,
                                               .networks = 4,
                                               .countries = 2,
                                               .same_text = 20'000,
                                               .bulk = 5'000,
                                               .unknown_evidence = 10}};

}  // namespace

ClassPolicy built_in_policy(std::string_view class_name) {
  if (class_name == "business") return kBusiness;
  if (class_name == "device") return kDevice;
  return class_name == "list_server" ? kListServer : kHome;
}

}  // namespace sluice::noticing
