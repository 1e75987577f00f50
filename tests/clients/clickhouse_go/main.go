// Opens the server over HTTP as Grafana's plugin does, and tries what its users try.
//
// Arguments: address (host:port), user, password. Prints "ok NAME" for each step, or fails.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"
)

func main() {
	for name, method := range map[string]clickhouse.CompressionMethod{
		"plain": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4,
		"zstd": clickhouse.CompressionZSTD, "gzip": clickhouse.CompressionGZIP,
	} {
		conn, err := clickhouse.Open(&clickhouse.Options{
			Protocol:    clickhouse.HTTP,
			Addr:        []string{os.Args[1]},
			Auth:        clickhouse.Auth{Database: "default", Username: os.Args[2], Password: os.Args[3]},
			Compression: &clickhouse.Compression{Method: method},
			DialTimeout: 10 * time.Second,
		})
		must(name+" open", err)
		try(name, conn)
		must(name+" close", conn.Close())
	}
}

func try(name string, conn driver.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must(name+" ping", conn.Ping(ctx))

	var sum uint64
	must(name+" select", conn.QueryRow(ctx, "SELECT sum(number) FROM numbers(100000)").Scan(&sum))
	expect(name+" select", sum, uint64(4999950000))

	rows, err := conn.Query(ctx, "SELECT number, toString(number) FROM numbers(200000)")
	must(name+" many rows", err)
	count := 0
	for rows.Next() {
		count++
	}
	must(name+" many rows", rows.Err())
	expect(name+" many rows", count, 200000)

	var greeting string
	with := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"who": "you"}))
	must(name+" parameters", conn.QueryRow(with, "SELECT 'hello ' || {who:String}").Scan(&greeting))
	expect(name+" parameters", greeting, "hello you")

	types(name, ctx, conn)
	insert(name, ctx, conn)

	rows, err = conn.Query(ctx, "SELECT throwIf(number = 150000, 'late') FROM numbers(200000) SETTINGS max_block_size = 1000")
	for err == nil && rows.Next() {
	}
	if err == nil {
		err = rows.Err()
	}
	if err == nil {
		fail(name+" error in the middle", errors.New("the error did not arrive"))
	}
	fmt.Println("ok", name, "error in the middle")
}

func types(name string, ctx context.Context, conn driver.Conn) {
	var (
		price  decimal.Decimal
		at     time.Time
		symbol string
		none   *int64
		list   []uint32
		dict   map[string]int64
		wide   big.Int
	)
	row := conn.QueryRow(ctx, `SELECT toDecimal64('12.34567891', 8), toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC'),
		toLowCardinality('BTCUSDT'), CAST(NULL, 'Nullable(Int64)'), [toUInt32(1), 2], map('a', toInt64(1)), toInt128(7)`)
	must(name+" types", row.Scan(&price, &at, &symbol, &none, &list, &dict, &wide))
	expect(name+" decimal", price.String(), "12.34567891")
	expect(name+" time", at.UTC().Format("2006-01-02T15:04:05.000"), "2026-01-02T03:04:05.678")
	expect(name+" low cardinality", symbol, "BTCUSDT")
	expect(name+" nullable", none == nil, true)
	expect(name+" array", fmt.Sprint(list), "[1 2]")
	expect(name+" map", dict["a"], int64(1))
	expect(name+" wide", wide.String(), "7")

	var either clickhouse.Variant
	must(name+" variant", conn.QueryRow(ctx, "SELECT CAST(toInt64(5), 'Variant(Int64, String)')").Scan(&either))
	expect(name+" variant", either.Any(), int64(5))
}

func insert(name string, ctx context.Context, conn driver.Conn) {
	must(name+" create", conn.Exec(ctx, "CREATE OR REPLACE TABLE tried (n UInt64, p Decimal(18, 8), s LowCardinality(String)) ENGINE = MergeTree ORDER BY n"))
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO tried")
	must(name+" insert", err)
	for i := range 1000 {
		must(name+" insert", batch.Append(uint64(i), decimal.New(int64(i), -8), "BTCUSDT"))
	}
	must(name+" insert", batch.Send())
	var total string
	must(name+" insert", conn.QueryRow(ctx, "SELECT toString(sum(p)) FROM tried").Scan(&total))
	expect(name+" insert", total, "0.004995")
}

func expect(name string, got, wanted any) {
	if got != wanted {
		fail(name, fmt.Errorf("got %v, not %v", got, wanted))
	}
	fmt.Println("ok", name)
}

func must(name string, err error) {
	if err != nil {
		fail(name, err)
	}
}

func fail(name string, err error) {
	fmt.Println("failed", name+":", err)
	os.Exit(1)
}
