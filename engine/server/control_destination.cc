// The part of the control socket that takes orders about destinations, and tests routes.
#include <utility>

#include "engine/route/table.h"
#include "engine/server/control.h"

namespace sluice::server {
namespace {

constexpr std::size_t kRouteTestsMax = 4;

}  // namespace

// A name that is mistyped is no destination without mail.
Task<std::optional<std::string>> Control::unknown_place(const control::DestinationRequest& request) {
  const auto order = control::order_of(request, home_.loop().platform().clock.wall(), "");
  const bool suspends_or_limits = request.verb != control::DestinationVerb::resume;
  if (!order || order->kind != DestinationOrder::Kind::destination || !suspends_or_limits) co_return std::nullopt;
  co_return co_await unknown_route(std::string(route::route_of_destination(order->subject)));
}

Task<std::string> Control::answer_about_destinations(std::string_view line, std::optional<std::uint32_t> uid) {
  const auto request = control::decode_destination_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  const WallMillis now = home_.loop().platform().clock.wall();
  std::string text;
  if (request->verb == control::DestinationVerb::list) {
    text = control::render_orders(orders_.orders(), request->json, now);
  } else {
    if (const auto meant = co_await unknown_place(*request))
      co_return "error: no route has this name" + *meant +
          "; @NAME stands for a domain of recipients, host:NAME for a next hop\n";
    const Actor actor = co_await actor_of(uid);
    const auto done = orders_.carry_out(*request, actor);
    if (!done) co_return "error: " + done.error() + "\n";
    if (request->json) {
      text = control::render_orders({&*done, 1}, true, now);
    } else if (request->verb == control::DestinationVerb::resume) {
      text = done->name() + ": resumed\n";
    } else {
      text = control::order_words(*done) + "\n";
    }
    if (const std::string fault = co_await orders_.save(); !fault.empty())
      text += "error: this is so until the relay stops, as it could not be written to the disk: " + fault + "\n";
  }
  co_return text.append(control::kAnswerEnd).append("\n");
}

// Each may have a connection open for a minute.
Task<std::string> Control::answer_about_route(std::string_view line) {
  const auto request = control::decode_route_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  if (!request->customer.empty())
    if (const std::string fault = co_await customer_fault(request->customer); !fault.empty())
      co_return "error: " + fault + "\n";
  if (route_tests_ >= kRouteTestsMax) co_return "error: as many routes are being tested as may be at one time\n";
  ++route_tests_;
  const control::RouteAnswer answer = co_await home_.test_route(*request);
  --route_tests_;
  co_return control::render_route(*request, answer).append(control::kAnswerEnd).append("\n");
}

}  // namespace sluice::server
