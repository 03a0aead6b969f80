// The tables of domains' proof and state: an entry of store_schema.cc, as never changed as the others.
#pragma once

#include "auth/store/database.h"

namespace sluice::auth {

inline constexpr Sql kDomainStateTables{
    R"sql(
-- How a domain is known to be its customer's, and what its last check found (domain_state_admin.h): none of this is a
-- change of the customer's accounts.  All domains that there are were asserted; SQLite changes no CHECK.
ALTER TABLE domain DROP COLUMN ownership;
ALTER TABLE domain ADD COLUMN ownership TEXT NOT NULL DEFAULT 'asserted' CHECK (ownership IN ('asserted', 'proven'));
ALTER TABLE domain ADD COLUMN proof_seen_ms INTEGER NOT NULL DEFAULT 0;      -- of a proven one: when it last was
ALTER TABLE domain ADD COLUMN taken_ms INTEGER NOT NULL DEFAULT 0;           -- when a check last began; 0: never
ALTER TABLE domain ADD COLUMN checked_ms INTEGER NOT NULL DEFAULT 0;         -- when one last ended
ALTER TABLE domain ADD COLUMN verdict TEXT NOT NULL DEFAULT '' CHECK (verdict IN ('', 'right', 'wrong', 'unknown'));
ALTER TABLE domain ADD COLUMN finding TEXT NOT NULL DEFAULT '';
ALTER TABLE domain ADD COLUMN failing_since_ms INTEGER NOT NULL DEFAULT 0;   -- 0: it is not failing
CREATE INDEX domain_to_check ON domain (taken_ms) WHERE substr(name, 1, 2) <> '*.';

-- Domains that customers want to prove.  None of them gives a right to anything.
CREATE TABLE domain_claim (
  name TEXT NOT NULL,                                             -- as in domain; no "*.x"
  customer INTEGER NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
  created_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL DEFAULT 0,                              -- its proof is looked for after that
  PRIMARY KEY (name, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX domain_claim_of_customer ON domain_claim (customer);
CREATE INDEX domain_claim_due ON domain_claim (due_ms);
)sql",
    R"sql(
ALTER TABLE domain DROP CONSTRAINT domain_ownership_check,
  ADD CONSTRAINT domain_ownership_check CHECK (ownership IN ('asserted', 'proven')),
  ALTER COLUMN ownership SET DEFAULT 'asserted',
  ADD COLUMN proof_seen_ms BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN taken_ms BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN checked_ms BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN verdict TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (verdict IN ('', 'right', 'wrong', 'unknown')),
  ADD COLUMN finding TEXT COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN failing_since_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX domain_to_check ON domain (taken_ms) WHERE substr(name, 1, 2) <> '*.';

CREATE TABLE domain_claim (
  name TEXT COLLATE "C" NOT NULL,
  customer BIGINT NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
  created_ms BIGINT NOT NULL,
  due_ms BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (name, customer)
);
CREATE INDEX domain_claim_of_customer ON domain_claim (customer);
CREATE INDEX domain_claim_due ON domain_claim (due_ms);
)sql"};

}  // namespace sluice::auth
