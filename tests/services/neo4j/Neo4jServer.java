import java.nio.file.Path;
import java.util.Map;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.HttpConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementService;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.io.ByteUnit;

/**
 * A Neo4j community server with Bolt and nothing else, for tests.
 *
 * <p>The packaged server has no main that runs from plain jars, so this embeds the same database.
 * It prints READY when Bolt answers, and stops when its standard input ends: a test that dies takes
 * its database with it.
 *
 * <p>Arguments: data directory, Bolt port, password of the user "neo4j".
 */
public final class Neo4jServer {
    private static final int PAGE_CACHE_MIB = 32;

    private Neo4jServer() {}

    public static void main(String[] args) throws Exception {
        DatabaseManagementService server = start(Path.of(args[0]), Integer.parseInt(args[1]));
        server.database("system")
                .executeTransactionally(
                        "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED",
                        Map.of("password", args[2]));
        System.out.println("READY");
        while (System.in.read() >= 0) {
            // nothing is ever said to us; only the end of the stream matters
        }
        server.shutdown();
    }

    private static DatabaseManagementService start(Path data, int port) {
        return new DatabaseManagementServiceBuilder(data)
                .setConfig(BoltConnector.enabled, true)
                .setConfig(BoltConnector.listen_address, new SocketAddress("127.0.0.1", port))
                .setConfig(HttpConnector.enabled, false)
                .setConfig(GraphDatabaseSettings.auth_enabled, true)
                .setConfig(GraphDatabaseSettings.preallocate_logical_logs, false)
                .setConfig(GraphDatabaseSettings.pagecache_memory, ByteUnit.mebiBytes(PAGE_CACHE_MIB))
                .build();
    }
}
