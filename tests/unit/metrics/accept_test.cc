#include <gtest/gtest.h>

#include <string_view>

#include "engine/metrics/exposition.h"

namespace sluice::metrics {
namespace {

TEST(Accept, NothingOrAnythingIsClassic) {
  for (const std::string_view accept : {"", "*/*", "text/plain", "text/*", "text/html,application/xhtml+xml,*/*;q=0.8"})
    EXPECT_EQ(format_for(accept), Format::classic) << accept;
}

TEST(Accept, WhatPrometheusSends) {
  EXPECT_EQ(format_for("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            Format::open_metrics);
  EXPECT_EQ(
      format_for("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
                 "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                 "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"),
      Format::open_metrics);
}

TEST(Accept, TheHigherWeightDecides) {
  EXPECT_EQ(format_for("application/openmetrics-text;q=0.3, text/plain;q=0.4"), Format::classic);
  EXPECT_EQ(format_for("text/plain;q=0.3, application/openmetrics-text;q=0.301"), Format::open_metrics);
  EXPECT_EQ(format_for("application/openmetrics-text;q=0"), Format::classic);
  EXPECT_EQ(format_for("application/openmetrics-text;q=0.000, */*"), Format::classic);
}

TEST(Accept, AnotherVersionIsNotAskedFor) {
  EXPECT_EQ(format_for("application/openmetrics-text;version=0.0.1"), Format::classic);
  EXPECT_EQ(format_for("application/openmetrics-text;version=2.0.0"), Format::classic);
  EXPECT_EQ(format_for("APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1"), Format::open_metrics);
}

TEST(Accept, WhatCannotBeReadCountsForNothing) {
  for (const std::string_view accept :
       {"application/openmetrics-text;q=1.1", "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=0.1234", "application/openmetrics-text;q=-1",
        "application/openmetrics-text;q=", "application/openmetrics-text;q=2", "x=\"application/openmetrics-text",
        "\"a,application/openmetrics-text\"", ";;;,,,;=;", "=", "\"\\"})
    EXPECT_EQ(format_for(accept), Format::classic) << accept;
  EXPECT_EQ(format_for("a;b=\"x,y\\\"\",application/openmetrics-text"), Format::open_metrics);
}

}  // namespace
}  // namespace sluice::metrics
