// EXTERNAL in whole sessions whose clients have no certificate; with one: tests/interop/client_certificates.py.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

TEST_F(SessionFixture, ExternalIsNeitherOfferedNorTakenWithoutACertificate) {
  for (smtp::ServerProfile* profile : {&host.rules().profile, &host.rules().trusted_profile})
    profile->mechanisms = {"PLAIN", "EXTERNAL"};
  host.rules().client_certificates = true;
  EXPECT_EQ(client().reply().code, 220);
  client().send("EHLO client.example\r\n");
  const ClientReply hello = client().reply();
  EXPECT_NE(hello.text.find("AUTH PLAIN\n"), std::string::npos) << hello.text;
  EXPECT_EQ(client().say("AUTH EXTERNAL ="), 504);
  EXPECT_EQ(client().say("AUTH EXTERNAL YW5uQGV4YW1wbGUuY29t"), 504);
  EXPECT_TRUE(host.people.asked.empty());
}

}  // namespace
}  // namespace sluice::session
