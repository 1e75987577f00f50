// Reads as DBeaver, Metabase and Tableau do: metadata first, then statements.
//
// Arguments: address (host:port), user, password. Prints "ok NAME" for each step, or fails.

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

public class Tried {
    interface Step {
        ResultSet rows() throws SQLException;
    }

    public static void main(String[] told) throws Exception {
        Properties login = new Properties();
        login.put("user", told[1]);
        login.put("password", told[2]);
        try (Connection connection = DriverManager.getConnection("jdbc:clickhouse://" + told[0] + "/default", login)) {
            DatabaseMetaData meta = connection.getMetaData();
            some("schemas", meta::getSchemas);
            some("tables", () -> meta.getTables(null, "default", "%", null));
            some("columns", () -> meta.getColumns(null, "default", "tried", "%"));
            any("primary keys", () -> meta.getPrimaryKeys(null, "default", "tried"));
            some("types", meta::getTypeInfo);
            some("table types", meta::getTableTypes);
            any("functions", () -> meta.getFunctions(null, null, "toDecimal%"));
            any("indexes", () -> meta.getIndexInfo(null, "default", "tried", false, false));
            any("foreign keys", () -> meta.getImportedKeys(null, "default", "tried"));
            if (!connection.isValid(5)) throw new IllegalStateException("the connection is not valid");
            statements(connection);
        }
    }

    static void statements(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setMaxRows(5);
            statement.setQueryTimeout(20);
            some("limited", () -> statement.executeQuery("SELECT n, p, s, t FROM tried ORDER BY n"));
        }
        try (PreparedStatement asked = connection.prepareStatement("SELECT sum(p) FROM tried WHERE s = ? AND n < ?")) {
            asked.setString(1, "BTCUSDT");
            asked.setLong(2, 4);
            try (ResultSet rows = asked.executeQuery()) {
                rows.next();
                BigDecimal sum = rows.getBigDecimal(1);
                if (sum.compareTo(new BigDecimal("0.00000006")) != 0) throw new IllegalStateException("sum is " + sum);
                System.out.println("ok prepared");
            }
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("INSERT INTO tried VALUES (9, 9, 'X', now())");
            throw new IllegalStateException("the reader wrote");
        } catch (SQLException refused) {
            if (!refused.getMessage().contains("readonly")) throw refused;
            System.out.println("ok refused to write");
        }
    }

    static void some(String name, Step step) throws SQLException {
        if (count(name, step) == 0) throw new IllegalStateException(name + " has no rows");
    }

    static void any(String name, Step step) throws SQLException {
        count(name, step);
    }

    static int count(String name, Step step) throws SQLException {
        int found = 0;
        try (ResultSet rows = step.rows()) {
            while (rows.next()) found++;
        }
        System.out.println("ok " + name + " " + found);
        return found;
    }
}
