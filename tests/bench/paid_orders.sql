-- Orders that their buyers have paid, each of one piece, as the shop would have written them over the last 90 days.
-- Of ten orders seven are delivered, one is offered, one is being made, and one is cancelled and given back.
-- without checks of what the rows refer to, which take most of the time
SET LOCAL session_replication_role = replica;

CREATE TEMP TABLE new_order AS
SELECT g AS number,
    'ord_' || g AS order_id,
    'bpy_' || g AS payment_id,
    now() - interval '90 days' * (1 - g / {orders}.0) AS at,
    CASE WHEN g % 10 < 7 THEN 'delivered' WHEN g % 10 = 7 THEN 'placed' WHEN g % 10 = 8 THEN 'accepted'
        ELSE 'cancelled' END AS status,
    product.id AS product_id,
    product.artisan_id,
    150000 AS price,
    135000 AS earns
FROM generate_series(1, {orders}) AS g
JOIN (SELECT id, artisan_id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS count FROM product) AS product
    ON product.place = 1 + g % product.count;

INSERT INTO "order" (id, code, status, product_id, quantity, unit_price, commission_percent, currency, total, commission,
    artisan_earns, shipping, tax_points, tax, payment_status, buyer_name, buyer_msisdn, buyer_locale, ship_to, placed_by,
    created_at, expires_at)
SELECT order_id, 'B' || number, status, product_id, 1, price, 10, 'KES', price, price - earns, earns, 0, 0, 0,
    CASE status WHEN 'cancelled' THEN 'refunded' ELSE 'paid' END, 'Joy', '+254722000111', 'en', '{{}}', 'window', at, at
FROM new_order;

INSERT INTO buyer_payment (id, order_id, method, collector, currency, amount, shop_amount, msisdn, token, status, asks,
    reference, is_kept, created_at, expires_at, captured_at)
SELECT payment_id, order_id, 'mpesa', 'mpesa', 'KES', price, price, '+254722000111', 'token' || number, 'captured', 1,
    'SG' || number, true, at, at, at
FROM new_order;

INSERT INTO assignment (order_id, artisan_id, quantity, earns, status, reason, refused)
SELECT order_id, artisan_id, 1, earns,
    CASE status WHEN 'delivered' THEN 'received' WHEN 'placed' THEN 'offered' ELSE status END, '', 0
FROM new_order;

INSERT INTO payout (id, code, artisan_id, order_id, assignment_id, piece, amount, currency, method, msisdn,
    cash_code_number, status, payment_id, sends, retried, provider, provider_reference, created_at, paid_at)
SELECT 'pay_' || number, 'B' || number, new_order.artisan_id, order_id, assignment.id, 0, new_order.earns, 'KES',
    'mobile_money', '+254722000111', 0, 'paid', 'pay_' || number, 1, false, 'daraja', 'SP' || number, at, at
FROM new_order JOIN assignment USING (order_id)
WHERE new_order.status = 'delivered';

INSERT INTO refund (id, payment_id, order_id, amount, shop_amount, currency, reason, status, provider, payer_ids, sends,
    reference, created_at, done_at)
SELECT 'rfd_' || number, payment_id, order_id, price, price, 'KES', 'ended', 'done', 'mpesa', 0, 1, 'SR' || number, at, at
FROM new_order
WHERE status = 'cancelled';

CREATE TEMP TABLE new_line AS
SELECT number, step, step_name || ':' || number AS key, at, account, amount
FROM new_order
CROSS JOIN LATERAL (VALUES
    (1, 'captured', 'collector:mpesa', price), (1, 'captured', 'order:' || order_id, -price),
    (2, 'earned', 'order:' || order_id, price), (2, 'earned', 'artisan:' || artisan_id, -earns),
    (2, 'earned', 'commission', earns - price),
    (3, 'sent', 'artisan:' || artisan_id, earns), (3, 'sent', 'payouts', -earns),
    (4, 'paid', 'payouts', earns), (4, 'paid', 'provider:daraja', -earns),
    (5, 'refund', 'order:' || order_id, price), (5, 'refund', 'refunds', -price),
    (6, 'refunding', 'refunds', price), (6, 'refunding', 'refunding', -price),
    (7, 'refunded', 'refunding', price), (7, 'refunded', 'collector:mpesa', -price)
) AS line (step, step_name, account, amount)
WHERE step = 1 OR (status = 'delivered' AND step IN (2, 3, 4)) OR (status = 'cancelled' AND step IN (5, 6, 7));

INSERT INTO ledger_account (name, currency) SELECT DISTINCT account, 'KES' FROM new_line ON CONFLICT DO NOTHING;
INSERT INTO ledger_entry (key, note, at) SELECT key, 'order', at FROM (
    SELECT DISTINCT number, step, key, at FROM new_line ORDER BY number, step) AS entry;
INSERT INTO ledger_posting (entry_id, account, amount)
SELECT entry.id, account, amount FROM new_line JOIN ledger_entry AS entry USING (key) ORDER BY entry.id;

-- as every night
INSERT INTO ledger_checkpoint (account, upto, balance, at)
SELECT account, id, balance, at FROM (
    SELECT posting.account, posting.id, entry.at::date AS at,
        sum(amount) OVER (PARTITION BY account ORDER BY posting.id) AS balance,
        row_number() OVER (PARTITION BY account, entry.at::date ORDER BY posting.id DESC) AS from_end
    FROM ledger_posting AS posting JOIN ledger_entry AS entry ON entry.id = posting.entry_id
    WHERE account NOT LIKE 'order:%'
) AS summed
WHERE from_end = 1;
INSERT INTO paid_sum (artisan_id, upto, amount)
SELECT artisan_id, now() - interval '1 day', sum(amount) FROM payout WHERE paid_at <= now() - interval '1 day'
GROUP BY artisan_id;

DROP TABLE new_order, new_line;
ANALYZE;
