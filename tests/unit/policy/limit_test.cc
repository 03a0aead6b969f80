// The words for limits, as the configuration, sluicectl and the store write them.
#include "policy/limit.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

TEST(Limit, EachNameIsReadAsWhatItNames) {
  for (const Quantity each :
       {Quantity::recipients, Quantity::messages, Quantity::bytes, Quantity::sessions, Quantity::first_time_recipients})
    EXPECT_EQ(parse_quantity(quantity_name(each)), each);
  for (const Span each : {Span::minute, Span::hour, Span::day, Span::month})
    EXPECT_EQ(parse_span(span_name(each)), each);
  EXPECT_EQ(quantity_name(Quantity::sessions), "sessions");
  EXPECT_EQ(span_name(Span::month), "month");
  EXPECT_EQ(action_name(Action::refuse), "refuse");
  EXPECT_EQ(action_name(Action::tell), "tell");
}

TEST(Limit, OtherNamesAreNone) {
  EXPECT_FALSE(parse_quantity("") || parse_quantity("Recipients") || parse_quantity("recipient"));
  EXPECT_FALSE(parse_span("") || parse_span("week"));
}

TEST(Limit, AMinuteDefersAndAllElseRefuses) {
  EXPECT_EQ(default_action(Span::minute), Action::defer);
  for (const Span each : {Span::hour, Span::day, Span::month}) EXPECT_EQ(default_action(each), Action::refuse);
}

TEST(Limit, AMonthIsThirtyDays) {
  EXPECT_EQ(span_length(Span::minute), std::chrono::seconds(60));
  EXPECT_EQ(span_length(Span::hour), std::chrono::seconds(3600));
  EXPECT_EQ(span_length(Span::day), std::chrono::seconds(86'400));
  EXPECT_EQ(span_length(Span::month), std::chrono::seconds(2'592'000));
}

TEST(Limit, AClassHasANameThatFitsOnACommandLine) {
  for (const char* good : {"home", "list_server", "Class-2", "a"}) EXPECT_TRUE(auth::is_class_name(good)) << good;
  for (const char* bad : {"", "-a", "two words", "a/b", "caf\xc3\xa9", "a\n"})
    EXPECT_FALSE(auth::is_class_name(bad)) << bad;
  EXPECT_TRUE(auth::is_class_name(std::string(64, 'a')));
  EXPECT_FALSE(auth::is_class_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace sluice::policy
